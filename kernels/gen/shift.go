package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in the call of shiftRun: see type shift in package kernels.
const (
	hX, hState, hScale, hBias, hOut, hMus = sharedBytes, sharedBytes + 8, sharedBytes + 16, sharedBytes + 24, sharedBytes + 32, sharedBytes + 40
	hRowBytes, hTokens, hNext             = sharedBytes + 48, sharedBytes + 56, sharedBytes + 64
	hEps, hInverse, hOne, hRMS            = sharedBytes + 72, sharedBytes + 76, sharedBytes + 80, sharedBytes + 84
)

// Offsets in a piece: see type shiftPiece.
const pFirst, pTokens, pSequence, pBegins, pEnds, pLerp, pLerps = 0, 8, 16, 24, 32, 40, 48

// by4 loops over a row of R14 bytes, 4 vectors at a time. RCX is the byte offset of the first of the 4.
func by4(label string, body func(i, offset int)) {
	XORQ(RCX, RCX)
	Label(label)
	for i := range 4 {
		body(i, 32*i)
	}
	ADDQ(operand.U32(128), RCX)
	CMPQ(RCX, R14)
	JNE(operand.LabelRef(label))
}

// normRow normalizes the row at RAX and writes the result to RBX. The call may have no bias, or neither scale nor bias.
func normRow(label string) {
	in := func(offset int) mem { return mem{Base: RAX, Index: RCX, Scale: 1, Disp: offset} }
	sum4 := func() {
		VADDPS(Y1, Y0, Y0)
		VADDPS(Y3, Y2, Y2)
		VADDPS(Y2, Y0, Y0)
		sumOf(0, 1)
		VBROADCASTSS(at(RDI, hInverse), Y1)
		VMULPS(Y1, Y0, Y0)
	}
	for i := range 4 {
		zero(y(i))
	}
	by4(label+"mean", func(i, offset int) { VADDPS(in(offset), y(i), y(i)) })
	sum4()
	VMOVAPS(Y0, Y8)
	CMPL(at(RDI, hRMS), operand.Imm(0))
	JE(operand.LabelRef(label + "centered"))
	zero(Y8)
	Label(label + "centered")
	for i := range 4 {
		zero(y(i))
	}
	by4(label+"variance", func(i, offset int) {
		VMOVUPS(in(offset), y(4+i))
		VSUBPS(Y8, y(4+i), y(4+i))
		VFMADD231PS(y(4+i), y(4+i), y(i))
	})
	sum4()
	VBROADCASTSS(at(RDI, hEps), Y1)
	VADDPS(Y1, Y0, Y0)
	VSQRTPS(Y0, Y0)
	VBROADCASTSS(at(RDI, hOne), Y9)
	VDIVPS(Y0, Y9, Y9)
	MOVQ(at(RDI, hScale), RDX)
	MOVQ(at(RDI, hBias), R15)
	write := func(label string, scaled, biased bool) {
		by4(label, func(i, offset int) {
			VMOVUPS(in(offset), y(i))
			VSUBPS(Y8, y(i), y(i))
			VMULPS(Y9, y(i), y(i))
			if scaled {
				VMULPS(mem{Base: RDX, Index: RCX, Scale: 1, Disp: offset}, y(i), y(i))
			}
			if biased {
				VADDPS(mem{Base: R15, Index: RCX, Scale: 1, Disp: offset}, y(i), y(i))
			}
			VMOVUPS(y(i), mem{Base: RBX, Index: RCX, Scale: 1, Disp: offset})
		})
	}
	TESTQ(RDX, RDX)
	JZ(operand.LabelRef(label + "bare"))
	TESTQ(R15, R15)
	JZ(operand.LabelRef(label + "scaled"))
	write(label+"write", true, true)
	JMP(operand.LabelRef(label + "end"))
	Label(label + "scaled")
	write(label+"writeScaled", true, false)
	JMP(operand.LabelRef(label + "end"))
	Label(label + "bare")
	write(label+"writeBare", false, false)
	Label(label + "end")
}

// copyRow copies the row at RAX to RBX.
func copyRow(label string) {
	by4(label, func(i, offset int) {
		VMOVUPS(mem{Base: RAX, Index: RCX, Scale: 1, Disp: offset}, y(i))
		VMOVUPS(y(i), mem{Base: RBX, Index: RCX, Scale: 1, Disp: offset})
	})
}

// shiftRun makes the function that normalizes a run of tokens of one sequence and mixes each with the token before. DI points to the
// call, SI to the piece, R13 to scratch memory for two rows.
func shiftRun() {
	function("shiftRun")
	MOVQ(at(RDI, hRowBytes), R14)
	MOVQ(at(RSI, pFirst), R11)  // the index of the token
	MOVQ(at(RSI, pTokens), R12) // the number of tokens that are left
	rowOf := func(field int, index, to GPPhysical) {
		MOVQ(index, to)
		IMULQ(R14, to)
		ADDQ(at(RDI, field), to)
	}
	Comment("R8 is the row before, R9 the row")
	MOVQ(at(RSI, pSequence), RDX)
	rowOf(hState, RDX, R8)
	CMPQ(at(RSI, pBegins), operand.Imm(0))
	JNE(operand.LabelRef("begin"))
	LEAQ(at(R11, -1), RDX)
	rowOf(hX, RDX, RAX)
	MOVQ(R13, RBX)
	normRow("before")
	MOVQ(R13, R8)
	Label("begin")
	TESTQ(R12, R12)
	MOVQ(R8, R9)
	JZ(operand.LabelRef("end"))

	Label("token")
	rowOf(hX, R11, RAX)
	LEAQ(mem{Base: R13, Index: R14, Scale: 1}, RBX)
	CMPQ(R8, RBX)
	CMOVQEQ(R13, RBX)
	MOVQ(RBX, R9)
	normRow("row")
	MOVQ(at(RSI, pLerp), R15)
	Label("lerp")
	CMPQ(R15, at(RSI, pLerps))
	JGE(operand.LabelRef("next"))
	MOVQ(at(RDI, hMus), RBX)
	MOVQ(mem{Base: RBX, Index: R15, Scale: 8}, RBX)
	MOVQ(R15, RDX)
	IMULQ(at(RDI, hTokens), RDX)
	ADDQ(R11, RDX)
	rowOf(hOut, RDX, RAX)
	Comment("The addresses 0 and 1 stand for results without weights: the row, and the row before minus the row")
	CMPQ(RBX, operand.Imm(1))
	JEQ(operand.LabelRef("difference"))
	JLT(operand.LabelRef("same"))
	by4("mix", func(i, offset int) {
		VMOVUPS(mem{Base: R9, Index: RCX, Scale: 1, Disp: offset}, y(i))
		VMOVUPS(mem{Base: R8, Index: RCX, Scale: 1, Disp: offset}, y(4+i))
		VSUBPS(y(i), y(4+i), y(4+i))
		VFMADD231PS(mem{Base: RBX, Index: RCX, Scale: 1, Disp: offset}, y(4+i), y(i))
		VMOVUPS(y(i), mem{Base: RAX, Index: RCX, Scale: 1, Disp: offset})
	})
	Label("mixed")
	INCQ(R15)
	JMP(operand.LabelRef("lerp"))
	Label("difference")
	by4("subtract", func(i, offset int) {
		VMOVUPS(mem{Base: R8, Index: RCX, Scale: 1, Disp: offset}, y(i))
		VSUBPS(mem{Base: R9, Index: RCX, Scale: 1, Disp: offset}, y(i), y(i))
		VMOVUPS(y(i), mem{Base: RAX, Index: RCX, Scale: 1, Disp: offset})
	})
	JMP(operand.LabelRef("mixed"))
	Label("same")
	MOVQ(RAX, RBX)
	MOVQ(R9, RAX)
	copyRow("write")
	JMP(operand.LabelRef("mixed"))
	Label("next")
	MOVQ(R9, R8)
	INCQ(R11)
	again(R12, "token")

	Label("end")
	CMPQ(at(RSI, pEnds), operand.Imm(0))
	JE(operand.LabelRef("out"))
	MOVQ(R9, RAX)
	MOVQ(at(RSI, pSequence), RDX)
	rowOf(hNext, RDX, RBX)
	copyRow("copy")
	Label("out")
	RET()
}

// Offsets in the call of copyRows: see type copying in package kernels.
const cIn, cOut, cTable, cRows, cRowBytes, cRun = sharedBytes, sharedBytes + 8, sharedBytes + 16, sharedBytes + 24, sharedBytes + 32, sharedBytes + 40

// copyRows makes the function that copies a run of rows. DI points to the call. RAX is the index of the run.
func copyRows() {
	function("copyRows")
	MOVQ(at(RDI, cRun), R12)
	IMULQ(R12, RAX)
	MOVQ(at(RDI, cRows), R11)
	SUBQ(RAX, R11)
	CMPQ(R12, R11)
	CMOVQGT(R11, R12)
	SHLQ(operand.Imm(4), RAX)
	ADDQ(at(RDI, cTable), RAX)
	Label("row")
	MOVQ(at(RAX, 0), R8)
	ADDQ(at(RDI, cIn), R8)
	MOVQ(at(RAX, 8), R9)
	ADDQ(at(RDI, cOut), R9)
	MOVQ(at(RDI, cRowBytes), RCX)
	Label("vector")
	CMPQ(RCX, operand.Imm(32))
	JLT(operand.LabelRef("number"))
	VMOVUPS(at(R8, 0), Y0)
	VMOVUPS(Y0, at(R9, 0))
	ADDQ(operand.Imm(32), R8)
	ADDQ(operand.Imm(32), R9)
	SUBQ(operand.Imm(32), RCX)
	JMP(operand.LabelRef("vector"))
	Label("number")
	TESTQ(RCX, RCX)
	JZ(operand.LabelRef("next"))
	MOVL(at(R8, 0), EBX)
	MOVL(EBX, at(R9, 0))
	ADDQ(operand.Imm(4), R8)
	ADDQ(operand.Imm(4), R9)
	SUBQ(operand.Imm(4), RCX)
	JMP(operand.LabelRef("number"))
	Label("next")
	ADDQ(operand.Imm(16), RAX)
	again(R12, "row")
	RET()
}
