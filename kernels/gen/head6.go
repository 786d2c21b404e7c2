package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in the call of head6: see type middle6 in package kernels.
const (
	nR, nK, nV, nW, nU, nG = sharedBytes, sharedBytes + 8, sharedBytes + 16, sharedBytes + 24, sharedBytes + 32, sharedBytes + 40
	nScale, nShift, nY     = sharedBytes + 48, sharedBytes + 56, sharedBytes + 64
	nHeadBytes, nDecayStep = sharedBytes + 72, sharedBytes + 80
	nEps                   = sharedBytes + 88
)

// head6 makes the function for the recurrence of versions 5 and 6, the norm of a head, and the gate. It computes 64 values of one head
// for the tokens of one sequence. DI points to the call. R8 points to the values in the first row of the head's state [value, key]. R9 is
// the number of tokens. R10 is the byte offset of the head's channels of the first token in activations, and R11 the bytes from token to
// token. R12 is the byte offset of the head's channels in weights, R14 that of the values in the head, and R15 that of the head's channels
// of the first token in the decay. If there is no bonus, y is computed from the new state.
func head6(c floatConstants) {
	function("head6")
	point := func(to GPPhysical, field int, offsets ...GPPhysical) {
		MOVQ(at(RDI, field), to)
		for _, offset := range offsets {
			ADDQ(offset, to)
		}
	}
	Label("token")
	for j := range 8 {
		zero(y(j))
	}
	MOVQ(R8, RAX)
	point(RBX, nV, R10, R14)
	point(RDX, nR, R10)
	point(RSI, nK, R10)
	point(R13, nW, R15)
	XORQ(RCX, RCX)
	by := func(base GPPhysical, offset int) mem { return mem{Base: base, Index: RCX, Scale: 1, Disp: offset} }
	keys := func(label string, before bool) {
		Label(label)
		VBROADCASTSS(by(RDX, 0), Y8)
		VBROADCASTSS(by(RSI, 0), Y9)
		VBROADCASTSS(by(R13, 0), Y10)
		for j := range 8 {
			s := y(11 + j%4)
			VMOVUPS(at(RAX, 32*j), s)
			if before {
				VFMADD231PS(s, Y8, y(j))
			}
			VMULPS(s, Y10, s)
			VFMADD231PS(at(RBX, 32*j), Y9, s)
			VMOVUPS(s, at(RAX, 32*j))
			if !before {
				VFMADD231PS(s, Y8, y(j))
			}
		}
		ADDQ(at(RDI, nHeadBytes), RAX)
		ADDQ(operand.Imm(4), RCX)
		CMPQ(RCX, at(RDI, nHeadBytes))
		JNE(operand.LabelRef(label))
	}
	CMPQ(at(RDI, nU), operand.Imm(0))
	JE(operand.LabelRef("after"))
	keys("before", true)
	Comment("The bonus: the sum of r u k, times the values")
	point(RAX, nU, R12)
	XORQ(RCX, RCX)
	zero(Y11)
	Label("bonus")
	VMOVUPS(by(RDX, 0), Y8)
	VMULPS(by(RSI, 0), Y8, Y8)
	VFMADD231PS(by(RAX, 0), Y8, Y11)
	ADDQ(operand.Imm(32), RCX)
	CMPQ(RCX, at(RDI, nHeadBytes))
	JNE(operand.LabelRef("bonus"))
	sumOf(11, 12)
	for j := range 8 {
		VFMADD231PS(at(RBX, 32*j), Y11, y(j))
	}
	JMP(operand.LabelRef("norm"))
	keys("after", false)

	Label("norm")
	CMPQ(at(RDI, nScale), operand.Imm(0))
	JE(operand.LabelRef("gate"))
	sum := func(of func(j int, to VecPhysical)) { // of all 64 values, divided by 64, to Y8
		zero(Y8)
		for j := range 8 {
			of(j, Y8)
		}
		sumOf(8, 9)
		VMULPS(c.inverse64, Y8, Y8)
	}
	sum(func(j int, to VecPhysical) { VADDPS(y(j), to, to) })
	for j := range 8 {
		VSUBPS(Y8, y(j), y(j))
	}
	sum(func(j int, to VecPhysical) { VFMADD231PS(y(j), y(j), to) })
	VBROADCASTSS(at(RDI, nEps), Y9)
	VADDPS(Y9, Y8, Y8)
	VSQRTPS(Y8, Y8)
	VMOVUPS(c.one, Y9)
	VDIVPS(Y8, Y9, Y8)
	point(RAX, nScale, R12)
	point(RBX, nShift, R12)
	for j := range 8 {
		VMULPS(Y8, y(j), y(j))
		VMULPS(at(RAX, 32*j), y(j), y(j))
		VADDPS(at(RBX, 32*j), y(j), y(j))
	}
	Label("gate")
	CMPQ(at(RDI, nG), operand.Imm(0))
	JE(operand.LabelRef("write"))
	point(RAX, nG, R10, R14)
	for j := range 8 {
		VMULPS(at(RAX, 32*j), y(j), y(j))
	}
	Label("write")
	point(RAX, nY, R10, R14)
	for j := range 8 {
		VMOVUPS(y(j), at(RAX, 32*j))
	}
	ADDQ(R11, R10)
	ADDQ(at(RDI, nDecayStep), R15)
	again(R9, "token")
	RET()
}

// Offsets in the call of average4: see type averaging in package kernels.
const (
	aK, aV, aU, aDecay, aMean, aLog, aY = sharedBytes, sharedBytes + 8, sharedBytes + 16, sharedBytes + 24, sharedBytes + 32, sharedBytes + 40, sharedBytes + 48
)

// average4 makes the function for the recurrence of version 4. It computes 8 channels for the tokens of one sequence. DI points to the
// call. R8 is the byte offset of the channels in states, R10 that of the first token's in activations, and R12 that in weights. R9 is the
// number of tokens, and R11 the bytes from token to token.
func average4(c floatConstants) {
	function("average4")
	load := func(field int, offset GPPhysical, to VecPhysical) {
		MOVQ(at(RDI, field), RAX)
		VMOVUPS(mem{Base: RAX, Index: offset, Scale: 1}, to)
	}
	load(aMean, R8, Y8)
	load(aLog, R8, Y9)
	load(aU, R12, Y10)
	load(aDecay, R12, Y11)
	Label("token")
	load(aK, R10, Y12)
	load(aV, R10, Y13)
	VSUBPS(Y13, Y8, Y14) // the mean minus the value

	Comment("y = v + sigmoid(log - (k + u)) (mean - v)")
	VADDPS(Y10, Y12, Y0)
	VSUBPS(Y0, Y9, Y0)
	c.sigmoid(Y0, Y1, Y2, Y3)
	VFMADD213PS(Y13, Y14, Y0)
	MOVQ(at(RDI, aY), RAX)
	VMOVUPS(Y0, mem{Base: RAX, Index: R10, Scale: 1})

	Comment("d = log + decay - k, e = exp(-|d|)")
	VADDPS(Y11, Y9, Y4)
	VSUBPS(Y12, Y4, Y4)
	VORPS(c.signIn(Y5), Y4, Y0)
	c.expOf(Y0, Y1, Y2, Y3)
	Comment("mean = v + sigmoid(d) (mean - v), where sigmoid(d) is 1/(1+e), or e/(1+e) if d is negative")
	VMOVUPS(c.one, Y1)
	VADDPS(Y1, Y0, Y2)
	VBLENDVPS(Y4, Y0, Y1, Y3)
	VDIVPS(Y2, Y3, Y3)
	VMOVAPS(Y13, Y8)
	VFMADD231PS(Y3, Y14, Y8)
	Comment("log = k + max(d, 0) + ln(1+e), where ln(1+e) is 2 artanh(e/(2+e))")
	VADDPS(Y1, Y2, Y2)
	VDIVPS(Y2, Y0, Y0)
	VMULPS(Y0, Y0, Y1)
	VMOVUPS(c.artanh[0], Y2)
	for _, coefficient := range c.artanh[1:] {
		VFMADD213PS(coefficient, Y1, Y2)
	}
	VMULPS(Y0, Y2, Y0)
	zero(Y1)
	VMAXPS(Y4, Y1, Y1) // NaN stays NaN
	VADDPS(Y1, Y12, Y12)
	VADDPS(Y0, Y12, Y9)
	ADDQ(R11, R10)
	again(R9, "token")
	store := func(field int, from VecPhysical) {
		MOVQ(at(RDI, field), RAX)
		VMOVUPS(from, mem{Base: RAX, Index: R8, Scale: 1})
	}
	store(aMean, Y8)
	store(aLog, Y9)
	RET()
}
