package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// scale computes the scale of n floats at R8. X1 gets the scale, or NaN if a float is not finite. Y2 gets the factor that rounding
// multiplies the floats with. Absolute values are compared as integers: there every NaN is larger than infinity.
func scale(n int, c constants) {
	VMOVDQU(c.absolute, Y15)
	for i := range 4 {
		VPAND(at(R8, 32*i), Y15, y(i))
	}
	for i := 4; i < n/8; i++ {
		VPAND(at(R8, 32*i), Y15, Y4)
		VPMAXSD(Y4, y(i%4), y(i%4))
	}
	VPMAXSD(Y1, Y0, Y0)
	VPMAXSD(Y3, Y2, Y2)
	VPMAXSD(Y2, Y0, Y0)
	VEXTRACTI128(operand.Imm(1), Y0, X1)
	VPMAXSD(X1, X0, X0)
	VPSHUFD(operand.Imm(0x4e), X0, X1)
	VPMAXSD(X1, X0, X0)
	VPSHUFD(operand.Imm(0xb1), X0, X1)
	VPMAXSD(X1, X0, X0) // the largest absolute value

	VMOVSS(c.limit, X3)
	VDIVSS(X3, X0, X1)
	VDIVSS(X0, X3, X2)
	VSUBSS(X0, X0, X4) // NaN if the largest absolute value is not finite, otherwise 0
	VADDSS(X4, X1, X1)
	VMOVSS(c.limit.Offset(4), X3)
	VCMPSS(operand.Imm(1), X3, X0, X4) // if the largest absolute value is below the limit, all values become 0
	VANDNPS(X1, X4, X1)
	VANDNPS(X2, X4, X2)
	VBROADCASTSS(X2, Y2)
}

// quants rounds 32 floats at an offset from R8 to bytes. Y3 gets the bytes. ECX gets the sum of the first half of them, EBX that of the
// second half.
func quants(offset int, c constants) {
	for i := range 4 {
		VMULPS(at(R8, offset+32*i), Y2, y(4+i))
		VCVTPS2DQ(y(4+i), y(4+i))
	}
	VPACKSSDW(Y5, Y4, Y4)
	VPACKSSDW(Y7, Y6, Y6)
	VPACKSSWB(Y6, Y4, Y4)
	VPERMD(Y4, Y14, Y3)
	VPMADDUBSW(Y3, Y13, Y4)
	VPMADDWD(Y12, Y4, Y4)
	VPHADDD(Y4, Y4, Y4)
	VPHADDD(Y4, Y4, Y4)
	VEXTRACTI128(operand.Imm(1), Y4, X5)
	VMOVD(X4, ECX)
	VMOVD(X5, EBX)
}

func roundConstants(c constants) {
	VMOVDQU(c.ones16, Y12)
	VMOVDQU(c.ones8, Y13)
	VMOVDQU(c.narrow, Y14)
}

// round256 makes the function that rounds 256 floats at R8 to a block at R9.
func round256(c constants) {
	function("round256")
	scale(256, c)
	roundConstants(c)
	VMOVSS(X1, at(R9, xScale))
	for part := range 8 {
		quants(128*part, c)
		to := xParts + xPart*part
		VMOVDQU(Y3, at(R9, to))
		LEAL(mem{Base: ECX, Index: EBX, Scale: 1}, EAX)
		MOVW(AX, at(R9, xSums+2*part))
		for i, half := range []GPPhysical{ECX, EBX} {
			SHLL(operand.Imm(4), half)
			NEGL(half)
			MOVW(half.(interface{ As16() Register }).As16(), at(R9, to+xHalves+2*i))
		}
	}
	RET()
}

// round32 makes the function that rounds 32 floats at R8 to a block at R9.
func round32(c constants) {
	function("round32")
	scale(32, c)
	roundConstants(c)
	VMOVSS(X1, at(R9, sScale))
	quants(0, c)
	VMOVDQU(Y3, at(R9, sBytes))
	ADDL(EBX, ECX)
	NEGL(ECX)
	SHLL(operand.Imm(3), ECX)
	MOVL(ECX, at(R9, sEight))
	SHLL(operand.Imm(4), ECX)
	MOVL(ECX, at(R9, sOffset))
	RET()
}
