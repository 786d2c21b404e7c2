package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// elementwise makes a function that replaces elements. It computes f of RCX floats at R8, and of as many at R9 if the function has two
// operands, and writes the results to R10. f gets the elements in Y0 and Y1, leaves the results in Y0 and may change Y2 to Y7. DI points
// to the call. The function may change RAX, RCX, R8, R9 and R10.
func elementwise(name string, operands int, f func()) {
	function("%s", name)
	from := []GPPhysical{R8, R9}[:operands]
	Label("eight")
	CMPQ(RCX, operand.Imm(8))
	JLT(operand.LabelRef("rest"))
	for i, p := range from {
		VMOVUPS(at(p, 0), y(i))
	}
	f()
	VMOVUPS(Y0, at(R10, 0))
	for _, p := range append(from, R10) {
		ADDQ(operand.Imm(32), p)
	}
	SUBQ(operand.Imm(8), RCX)
	JMP(operand.LabelRef("eight"))
	Label("rest")
	TESTQ(RCX, RCX)
	JZ(operand.LabelRef("end"))
	LEAQ(lanes, RAX)
	NEGQ(RCX)
	VMOVDQU(mem{Base: RAX, Index: RCX, Scale: 4, Disp: 32}, Y15)
	for i, p := range from {
		VMASKMOVPS(at(p, 0), Y15, y(i))
	}
	f()
	VMASKMOVPS(Y0, Y15, at(R10, 0))
	Label("end")
	RET()
}

// lanes has 8 numbers of ones and then 8 zeros. From number 8-n on, it is a mask of the first n elements of a vector.
var lanes mem

// elementwiseNumber is the offset of the number in a call of an elementwise function: see type elementwise in package kernels.
const elementwiseNumber = sharedBytes + 56

// elementwises makes the elementwise functions.
func elementwises(c floatConstants) {
	lanes = GLOBL("lanes", RODATA|NOPTR)
	for i, word := range []operand.U64{1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 0, 0, 0, 0} {
		DATA(8*i, word)
	}
	elementwise("add", 2, func() { VADDPS(Y1, Y0, Y0) })
	elementwise("sub", 2, func() { VSUBPS(Y1, Y0, Y0) })
	elementwise("mul", 2, func() { VMULPS(Y1, Y0, Y0) })
	elementwise("neg", 1, func() { VXORPS(c.sign, Y0, Y0) })
	elementwise("sqr", 1, func() { VMULPS(Y0, Y0, Y0) })
	elementwise("scale", 1, func() {
		VBROADCASTSS(at(RDI, elementwiseNumber), Y1)
		VMULPS(Y1, Y0, Y0)
	})
	elementwise("relu", 1, func() {
		zero(Y1)
		VMAXPS(Y0, Y1, Y0) // NaN stays NaN: see expOf
	})
	elementwise("relu_sqr", 1, func() {
		zero(Y1)
		VMAXPS(Y0, Y1, Y0)
		VMULPS(Y0, Y0, Y0)
	})
	elementwise("exp_neg_exp", 1, func() {
		c.wholeExp(Y0)
		VXORPS(c.sign, Y0, Y0)
		c.wholeExp(Y0)
	})
	elementwise("sigmoid", 1, func() { c.sigmoid(Y0, Y1, Y2, Y3) })
	elementwise("silu", 1, func() {
		VMOVAPS(Y0, Y4)
		c.sigmoid(Y0, Y1, Y2, Y3)
		VMULPS(Y4, Y0, Y0)
		VCMPPS(operand.Imm(1), c.low, Y4, Y4) // below -87, where the sigmoid is not small enough for very large numbers
		VANDNPS(Y0, Y4, Y0)
	})
	elementwise("exp", 1, func() { c.wholeExp(Y0) })
	elementwise("tanh", 1, func() { c.tanh(Y0) })
}

// wholeExp replaces v by e^v for every v. Results below e^-87 become 0. It uses Y1 to Y6.
func (c floatConstants) wholeExp(v VecPhysical) {
	VCMPPS(operand.Imm(1), c.low, v, Y4)   // v below -87
	VCMPPS(operand.Imm(14), c.many, v, Y5) // v above 64, where e^v is computed as e^(v-16) times e^16, which may become infinite
	VANDPS(c.shift16, Y5, Y6)
	VSUBPS(Y6, v, v)
	c.expOf(v, Y1, Y2, Y3)
	VMULPS(c.exp16, v, Y6)
	VBLENDVPS(Y5, Y6, v, v)
	VANDNPS(v, Y4, v)
}

// tanh replaces v by its hyperbolic tangent. For small v it is the polynomial of Cephes' tanhf, for others 1 - 2/(e^2|v| + 1) with the sign
// of v. It uses Y1 to Y7.
func (c floatConstants) tanh(v VecPhysical) {
	VANDNPS(v, c.signIn(Y1), Y4) // |v|
	VANDPS(v, Y1, Y5)            // the sign
	VMOVAPS(v, Y6)
	VADDPS(Y4, Y4, v)
	c.expOf(v, Y1, Y2, Y3)
	VADDPS(c.one, v, v)
	VMOVUPS(c.one, Y1)
	VADDPS(Y1, Y1, Y2)
	VDIVPS(v, Y2, v)
	VSUBPS(v, Y1, v)
	VORPS(Y5, v, v)
	VMULPS(Y6, Y6, Y1)
	VMOVUPS(c.tanhs[0], Y2)
	for _, coefficient := range c.tanhs[1:] {
		VFMADD213PS(coefficient, Y1, Y2)
	}
	VMULPS(Y1, Y2, Y2)
	VFMADD213PS(Y6, Y6, Y2)
	VCMPPS(operand.Imm(1), c.little, Y4, Y3)
	VBLENDVPS(Y3, Y2, v, v)
}

// signIn loads the mask of signs to v and returns v.
func (c floatConstants) signIn(v VecPhysical) VecPhysical {
	VMOVUPS(c.sign, v)
	return v
}
