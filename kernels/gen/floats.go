package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// floatConstants are vectors of floats in memory.
type floatConstants struct {
	low, high, log2e, ln2a, ln2b, one, bias, halfDecay, tiny, inverse64, sign mem
	many, shift16, exp16                                                      mem   // see wholeExp
	little                                                                    mem   // see tanh
	exp, tanhs, artanh                                                        []mem // coefficients of polynomials, the highest first
}

func newFloatConstants() floatConstants {
	f := func(name string, v float32) mem {
		b := uint64(math.Float32bits(v))
		return vector(name, b<<32|b)
	}
	c := floatConstants{
		low: f("low", -87), high: f("high", 88), log2e: f("log2e", 1.44269504), ln2a: f("ln2a", 0.693359375), ln2b: f("ln2b", -2.12194440e-4),
		many: f("many", 64), shift16: f("shift16", 16), exp16: f("exp16", 8886110.520507872), little: f("little", 0.625),
		one: f("one", 1), bias: vector("bias", 127<<32|127), halfDecay: f("halfDecay", -0.606531), tiny: f("tiny", 1e-12),
		inverse64: f("inverse64", 1.0/64), sign: vector("sign", 0x80000000_80000000),
	}
	// The polynomial of Cephes' expf for (e^r - 1 - r) / r².
	for i, v := range []float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1} {
		c.exp = append(c.exp, f("exp"+string(rune('0'+i)), v))
	}
	for i, v := range []float32{-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1} {
		c.tanhs = append(c.tanhs, f("tanh"+string(rune('0'+i)), v))
	}
	for i := 15; i > 0; i -= 2 { // 2 artanh(z) = z (2 + 2/3 z² + 2/5 z⁴ + ...), for z up to 1/3
		c.artanh = append(c.artanh, f(fmt.Sprint("artanh", i), 2/float32(i)))
	}
	return c
}

// expOf replaces v by e^v. The error is at most about two units in the last place. NaN stays NaN. t, u and w are scratch.
func (c floatConstants) expOf(v, t, u, w VecPhysical) {
	VBROADCASTSS(c.low, t)
	VMAXPS(v, t, v) // if one operand is NaN, VMAXPS returns the second one in Intel's order, which is v here
	VBROADCASTSS(c.high, t)
	VMINPS(v, t, v)
	VMULPS(c.log2e, v, t)
	VROUNDPS(operand.Imm(8), t, t)
	VMOVUPS(c.ln2a, u)
	VFNMADD231PS(u, t, v)
	VMOVUPS(c.ln2b, u)
	VFNMADD231PS(u, t, v)
	VMOVUPS(c.exp[0], u)
	for _, coefficient := range c.exp[1:] {
		VFMADD213PS(coefficient, v, u)
	}
	VMULPS(v, v, w)
	VADDPS(c.one, v, v)
	VFMADD231PS(w, u, v)
	VCVTPS2DQ(t, t)
	VPADDD(c.bias, t, t)
	VPSLLD(operand.Imm(23), t, t)
	VMULPS(t, v, v)
}

// sigmoid replaces v by 1/(1+e^-v).
func (c floatConstants) sigmoid(v, t, u, w VecPhysical) {
	VXORPS(c.sign, v, v)
	c.expOf(v, t, u, w)
	VADDPS(c.one, v, v)
	VMOVUPS(c.one, t)
	VDIVPS(v, t, v)
}
