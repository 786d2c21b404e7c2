package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in the call of head7: see type middle7 in package kernels.
const (
	mR, mK, mV, mW, mA, mVR, mG, mV0 = sharedBytes, sharedBytes + 8, sharedBytes + 16, sharedBytes + 24, sharedBytes + 32, sharedBytes + 40, sharedBytes + 48, sharedBytes + 56
	mW0, mA0, mVBias, mKK, mKA, mRK  = sharedBytes + 64, sharedBytes + 72, sharedBytes + 80, sharedBytes + 88, sharedBytes + 96, sharedBytes + 104
	mLW, mLB, mY, mEps               = sharedBytes + 112, sharedBytes + 120, sharedBytes + 128, sharedBytes + 136
)

// Offsets in scratch memory: vectors of a head of 64.
const (
	headBytes                                  = 256
	sA, sB, sK, sW, sV, sRate, sRemoval, sSums = 0, 256, 512, 768, 1024, 1280, 1536, 1792
)

// sumOf replaces every element of vector register i by the sum of all its elements. Register j is scratch.
func sumOf(i, j int) {
	VEXTRACTF128(operand.Imm(1), y(i), x(j))
	VADDPS(x(j), x(i), x(i))
	VHADDPS(x(i), x(i), x(i))
	VHADDPS(x(i), x(i), x(i))
	VBROADCASTSS(x(i), y(i))
}

// head7 makes the function for the part of version 7's time mix between the matrix products. It computes one head of 64 channels for the
// tokens of one sequence. DI points to the call. R8 points to the head's state [key, value]. R9 is the number of tokens. R10 is the byte
// offset of the head's channels of the first token in activations, and R11 the bytes from token to token. R12 is the byte offset of the
// head's channels in weights. R13 points to scratch memory.
func head7(c floatConstants) {
	function("head7")
	at32 := func(base GPPhysical, offset int) mem { return mem{Base: base, Index: RCX, Scale: 1, Disp: offset} }
	scratch := func(offset int) mem { return at32(R13, offset) }
	activation := func(field int) mem { // the vector at offset RCX in the head's part of an activation
		MOVQ(at(RDI, field), RAX)
		ADDQ(R10, RAX)
		return at32(RAX, 0)
	}
	weight := func(field int) mem {
		MOVQ(at(RDI, field), RBX)
		ADDQ(R12, RBX)
		return at32(RBX, 0)
	}
	vectors := func(label string, body func()) { // loops over the 8 vectors of a head
		XORQ(RCX, RCX)
		Label(label)
		body()
		ADDQ(operand.Imm(32), RCX)
		CMPQ(RCX, operand.U32(headBytes))
		JNE(operand.LabelRef(label))
	}

	Label("token")
	zero(Y14) // the square of the removal key's length
	zero(Y15) // the bonus
	vectors("prepare", func() {
		VMOVUPS(activation(mA), Y0)
		VADDPS(weight(mA0), Y0, Y0)
		c.sigmoid(Y0, Y1, Y2, Y3)
		VMOVUPS(Y0, scratch(sRate)) // in-context learning rate
		VMOVUPS(activation(mK), Y4)
		VMULPS(weight(mKK), Y4, Y5)
		VMOVUPS(Y5, scratch(sRemoval))
		VFMADD231PS(Y5, Y5, Y14)
		VMULPS(weight(mKA), Y4, Y5)
		VMULPS(Y0, Y5, Y6)
		VSUBPS(Y5, Y6, Y6)
		VADDPS(Y6, Y4, Y4)
		VMOVUPS(Y4, scratch(sK)) // replacement key
		VMULPS(activation(mR), Y4, Y5)
		VMOVUPS(weight(mRK), Y6)
		VFMADD231PS(Y6, Y5, Y15)
		VMOVUPS(activation(mW), Y0)
		VADDPS(weight(mW0), Y0, Y0)
		c.sigmoid(Y0, Y1, Y2, Y3)
		VMULPS(c.halfDecay, Y0, Y0)
		c.expOf(Y0, Y1, Y2, Y3)
		VMOVUPS(Y0, scratch(sW)) // decay
		VMOVUPS(activation(mV), Y4)
		CMPQ(at(RDI, mV0), operand.Imm(0))
		JE(operand.LabelRef("value"))
		VMOVUPS(activation(mVR), Y0)
		VADDPS(weight(mVBias), Y0, Y0)
		c.sigmoid(Y0, Y1, Y2, Y3)
		VMOVUPS(activation(mV0), Y5)
		VSUBPS(Y4, Y5, Y5)
		VFMADD231PS(Y0, Y5, Y4) // value residual
		Label("value")
		VMOVUPS(Y4, scratch(sV))
	})
	sumOf(14, 0)
	VSQRTPS(Y14, Y14)
	VBROADCASTSS(c.tiny, Y0)
	VMAXPS(Y14, Y0, Y14)
	VMOVUPS(c.one, Y0)
	VDIVPS(Y14, Y0, Y14)
	sumOf(15, 0)
	vectors("removal", func() {
		VMULPS(scratch(sRemoval), Y14, Y0)
		VMULPS(scratch(sRate), Y0, Y1)
		VMOVUPS(Y1, scratch(sB))
		VXORPS(c.sign, Y0, Y0)
		VMOVUPS(Y0, scratch(sA))
	})

	// The product of the state and the removal key, 4 values at a time.
	MOVQ(R8, RAX)
	XORQ(RCX, RCX)
	Label("removed")
	for i := range 4 {
		zero(y(i))
	}
	for j := range 8 {
		VMOVUPS(at(R13, sA+32*j), Y8)
		for i := range 4 {
			VFMADD231PS(at(RAX, headBytes*i+32*j), Y8, y(i))
		}
	}
	VHADDPS(Y1, Y0, Y0)
	VHADDPS(Y3, Y2, Y2)
	VHADDPS(Y2, Y0, Y0)
	VEXTRACTF128(operand.Imm(1), Y0, X1)
	VADDPS(X1, X0, X0)
	VMOVUPS(X0, scratch(sSums))
	ADDQ(operand.U32(4*headBytes), RAX)
	ADDQ(operand.Imm(16), RCX)
	CMPQ(RCX, operand.U32(headBytes))
	JNE(operand.LabelRef("removed"))

	// S = S w + sums b + v k, and y = S r, 2 values at a time.
	MOVQ(at(RDI, mR), RBX)
	ADDQ(R10, RBX)
	MOVQ(R8, RAX)
	XORQ(RCX, RCX)
	Label("update")
	VBROADCASTSS(scratch(sSums), Y8)
	VBROADCASTSS(scratch(sSums+4), Y9)
	VBROADCASTSS(scratch(sV), Y10)
	VBROADCASTSS(scratch(sV+4), Y11)
	zero(Y12)
	zero(Y13)
	for j := range 8 {
		VMOVUPS(at(R13, sK+32*j), Y0)
		VMOVUPS(at(R13, sB+32*j), Y1)
		VMOVUPS(at(R13, sW+32*j), Y2)
		VMOVUPS(at(RBX, 32*j), Y3)
		for i := range 2 {
			p, s := y(4+i), at(RAX, headBytes*i+32*j)
			VMULPS(Y0, y(10+i), p)
			VFMADD231PS(Y1, y(8+i), p)
			VFMADD231PS(s, Y2, p)
			VMOVUPS(p, s)
			VFMADD231PS(p, Y3, y(12+i))
		}
	}
	VHADDPS(Y13, Y12, Y12)
	VHADDPS(Y12, Y12, Y12)
	VEXTRACTF128(operand.Imm(1), Y12, X0)
	VADDPS(X0, X12, X0)
	VMOVLPS(X0, scratch(sSums)) // y takes the place of the sums
	ADDQ(operand.U32(2*headBytes), RAX)
	ADDQ(operand.Imm(8), RCX)
	CMPQ(RCX, operand.U32(headBytes))
	JNE(operand.LabelRef("update"))

	Comment("The norm of the head, the bonus and the gate. Without a norm, the mean is 0 and the factor 1")
	zero(Y12)
	VMOVUPS(c.one, Y13)
	CMPQ(at(RDI, mLW), operand.Imm(0))
	JE(operand.LabelRef("finish"))
	vectors("mean", func() { VADDPS(scratch(sSums), Y12, Y12) })
	sumOf(12, 0)
	VMULPS(c.inverse64, Y12, Y12)
	zero(Y13)
	vectors("variance", func() {
		VMOVUPS(scratch(sSums), Y0)
		VSUBPS(Y12, Y0, Y0)
		VFMADD231PS(Y0, Y0, Y13)
	})
	sumOf(13, 0)
	VMULPS(c.inverse64, Y13, Y13)
	VBROADCASTSS(at(RDI, mEps), Y0)
	VADDPS(Y0, Y13, Y13)
	VSQRTPS(Y13, Y13)
	VMOVUPS(c.one, Y0)
	VDIVPS(Y13, Y0, Y13)
	Label("finish")
	vectors("gate", func() {
		VMOVUPS(scratch(sSums), Y0)
		VSUBPS(Y12, Y0, Y0)
		VMULPS(Y13, Y0, Y0)
		CMPQ(at(RDI, mLW), operand.Imm(0))
		JE(operand.LabelRef("normed"))
		VMULPS(weight(mLW), Y0, Y0)
		VADDPS(weight(mLB), Y0, Y0)
		Label("normed")
		VMOVUPS(scratch(sV), Y1)
		VFMADD231PS(Y15, Y1, Y0)
		CMPQ(at(RDI, mG), operand.Imm(0))
		JE(operand.LabelRef("gated"))
		VMULPS(activation(mG), Y0, Y0)
		Label("gated")
		to := activation(mY)
		VMOVUPS(Y0, to)
	})
	ADDQ(R11, R10)
	again(R9, "token")
	RET()
}
