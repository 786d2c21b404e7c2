package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in a column's block of 32 values: its scale, the sum of its bytes times -8, the same sum times -128, and its bytes.
const (
	sScale, sEight, sOffset, sBytes = 0, 4, 8, 12
	sBlock                          = 44
)

// A packed block holds 32 weights of each of 8 rows: first the scales of the rows, then the weights.
const smallQuants = 16

// q8 makes the AVX2 tile of n columns for Q8_0, whose weights are signed. Y12 and the registers after it hold the results, Y4 and the
// registers after it the sums of a block.
func q8(n int, c constants) {
	tileOf(n, "q8%d", n)
	p := columns{base: R9}
	VMOVDQU(c.ones16, Y2)
	for i := range n {
		zero(y(12 + i))
	}
	Label("block")
	prefetch(R8, 272)
	for i := range n {
		zero(y(4 + i))
	}
	for j := range 8 {
		VMOVDQU(at(R8, smallQuants+32*j), Y0)
		VPABSB(Y0, Y1)
		for i := range n {
			t := []VecPhysical{Y3, Y10}[i%2]
			VPBROADCASTD(p.at(i, sBytes+4*j), t)
			VPSIGNB(Y0, t, t)
			VPMADDUBSW(t, Y1, t)
			VPMADDWD(Y2, t, t)
			VPADDD(t, y(4+i), y(4+i))
		}
	}
	VCVTPH2PS(at(R8, 0), Y8)
	for i := range n {
		VBROADCASTSS(p.at(i, sScale), Y9)
		VMULPS(Y8, Y9, Y9)
		VCVTDQ2PS(y(4+i), y(4+i))
		VFMADD231PS(y(4+i), Y9, y(12+i))
	}
	ADDQ(operand.U32(272), R8)
	p.step(n, sBlock)
	again(R13, "block")
	eachResult(n, func(i int, result mem) { VMOVUPS(y(12+i), result) })
	RET()
}

// q4 makes the AVX2 tile of n columns for Q4_0. A weight is its 4 bits minus 8. Y12 and the registers after it hold the results.
func q4(n int, c constants) {
	tileOf(n, "q4%d", n)
	p := columns{base: R9}
	for i := range n {
		zero(y(12 + i))
	}
	Label("block")
	prefetch(R8, 144)
	nibbles(R8, smallQuants, c)
	VCVTPH2PS(at(R8, 0), Y8)
	for i := range n {
		for j := range 8 {
			t := VecPhysical(Y10)
			if j == 0 {
				t = Y9
			}
			VPBROADCASTD(p.at(i, sBytes+4*j), t)
			VPMADDUBSW(t, y(j), t)
			if j > 0 {
				VPADDW(t, Y9, Y9)
			}
		}
		VPMADDWD(c.ones16, Y9, Y9)
		VPBROADCASTD(p.at(i, sEight), Y10)
		VPADDD(Y10, Y9, Y9)
		VCVTDQ2PS(Y9, Y9)
		VBROADCASTSS(p.at(i, sScale), Y10)
		VMULPS(Y8, Y10, Y10)
		VFMADD231PS(Y9, Y10, y(12+i))
	}
	ADDQ(operand.U32(144), R8)
	p.step(n, sBlock)
	again(R13, "block")
	eachResult(n, func(i int, result mem) { VMOVUPS(y(12+i), result) })
	RET()
}

// floats is a type of floating-point weights. They are multiplied with columns of floats.
type floats struct {
	name  string
	bytes int
}

// load loads the weights of one column as float32, from an offset of R8: those of 8 rows to a register of 32 bytes, those of 16 rows to
// one of 64 bytes.
func (f floats) load(offset int, to VecPhysical) {
	switch f.name {
	case "f32":
		VMOVUPS(at(R8, offset), to)
	case "f16":
		VCVTPH2PS(at(R8, offset), to)
	default:
		VPMOVZXWD(at(R8, offset), to)
		VPSLLD(operand.Imm(16), to, to)
	}
}

// tile makes the AVX2 tile of n columns. Register 2c has the sum of the products with even index of column c, register 2c+1 that of those
// with odd index. Every tile adds up in this order.
func (f floats) tile(n int) {
	tileOf(n, "%s%d", f.name, n)
	p := columns{base: R9, upper: R14}
	p.begin(n, R9, 0)
	for i := range 2 * n {
		zero(y(i))
	}
	Label("pair")
	CMPQ(R13, operand.Imm(2))
	JLT(operand.LabelRef("rest"))
	prefetch(R8, 16*f.bytes)
	f.load(0, Y12)
	f.load(8*f.bytes, Y13)
	for i := range n {
		VBROADCASTSS(p.at(i, 0), Y14)
		VFMADD231PS(Y14, Y12, y(2*i))
		VBROADCASTSS(p.at(i, 4), Y15)
		VFMADD231PS(Y15, Y13, y(2*i+1))
	}
	ADDQ(operand.U32(16*f.bytes), R8)
	p.step(n, 8)
	SUBQ(operand.Imm(2), R13)
	JMP(operand.LabelRef("pair"))
	Label("rest")
	TESTQ(R13, R13)
	JZ(operand.LabelRef("end"))
	f.load(0, Y12)
	for i := range n {
		VBROADCASTSS(p.at(i, 0), Y14)
		VFMADD231PS(Y14, Y12, y(2*i))
	}
	Label("end")
	eachResult(n, func(i int, result mem) {
		VADDPS(y(2*i), y(2*i+1), y(2*i))
		VMOVUPS(y(2*i), result)
	})
	RET()
}
