package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Tiles for AVX-512 with VNNI have groups of 16 rows, in vectors of 64 bytes. All offsets in a packed block are twice those of
// groups of 8 rows.

// vnniColumns has the numbers of columns of the tiles.
var vnniColumns = []int{1, 2, 3, 4, 8}

// z is vector register i, of 64 bytes.
func z(i int) VecPhysical {
	return []VecPhysical{
		Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
		Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31,
	}[i]
}

// dot emits VPDPBUSD, which avo lacks. It multiplies the 4 unsigned bytes of each 32-bit word of weights with 4 signed bytes, and adds the
// products to the word of the sums.
func dot(bytes mem, weights, sums VecPhysical) { vnniOp("VPDPBUSD", bytes, weights, sums) }

// dotWords emits VPDPWSSD, which avo lacks. It does the same as dot with the 2 signed 16-bit halves of each 32-bit word.
func dotWords(words mem, weights, sums VecPhysical) { vnniOp("VPDPWSSD", words, weights, sums) }

func vnniOp(opcode string, m mem, weights, sums VecPhysical) {
	Instruction(&ir.Instruction{
		Opcode: opcode, Suffixes: []string{"BCST"}, Operands: []operand.Op{m, weights, sums},
		Inputs: []operand.Op{m, weights, sums}, Outputs: []operand.Op{sums}, ISA: []string{"AVX512VNNI"},
	})
}

func zeroZ(i int) { VPXORD(z(i), z(i), z(i)) }

// nibblesZ unpacks 4 vectors at an offset from a register. The low halves of the bytes go to Z0 to Z3, the high halves to Z4 to Z7.
func nibblesZ(from GPPhysical, offset int, c constants) {
	for j := range 4 {
		VMOVDQU32(at(from, offset+64*j), z(j))
		VPSRLW(operand.Imm(4), z(j), z(4+j))
		VPANDD_BCST(c.nibble, z(j), z(j))
		VPANDD_BCST(c.nibble, z(4+j), z(4+j))
	}
}

func loadQ4K(c constants) { nibblesZ(RBX, 0, c) }

func loadQ5K(c constants) {
	nibblesZ(RBX, 0, c)
	VMOVDQU32(at(RBX, 256), Z8)
	for j := range 8 { // bit j of a byte becomes bit 4 of register j
		from := VecPhysical(Z9)
		switch {
		case j < 4:
			VPSLLW(operand.Imm(uint64(4-j)), Z8, Z9)
		case j > 4:
			VPSRLW(operand.Imm(uint64(j-4)), Z8, Z9)
		default:
			from = Z8
		}
		VPANDD_BCST(c.bit16, from, Z9)
		VPORD(Z9, z(j), z(j))
	}
}

func loadQ6K(c constants) {
	for half := range 2 {
		r := 4 * half
		for j := range 3 {
			VMOVDQU32(at(RBX, 192*half+64*j), z(r+j))
		}
		VPSRLW(operand.Imm(6), z(r), z(r+3))
		VPANDD_BCST(c.two, z(r+3), z(r+3))
		VPSRLW(operand.Imm(4), z(r+1), Z8)
		VPANDD_BCST(c.next2, Z8, Z8)
		VPORD(Z8, z(r+3), z(r+3))
		VPSRLW(operand.Imm(2), z(r+2), Z8)
		VPANDD_BCST(c.next4, Z8, Z8)
		VPORD(Z8, z(r+3), z(r+3))
		for j := range 3 {
			VPANDD_BCST(c.six, z(r+j), z(r+j))
		}
	}
}

// vnni makes the VNNI tile of n columns. Z16 and the registers after it hold the sums of the columns.
func (k kind) vnni(n int) {
	tileOf(n, "%svnni%d", k.name, n)
	zeroZ(9)
	eachResult(n, func(c int, result mem) { VMOVUPS(Z9, result) })
	p := columns{base: RAX, upper: R14}
	Label("block")
	for c := range n {
		zeroZ(16 + c)
	}
	MOVQ(operand.U32(8), RCX)
	LEAQ(at(R8, 2*k.quants), RBX)
	LEAQ(at(R8, 2*k.scales), RSI)
	p.begin(n, R9, xParts)
	Label("part")
	k.loadZ(k.c)
	halves := k.halves()
	if k.minima {
		VPMOVZXBD(at(RSI, 0), Z8)
	} else {
		VPMOVSXBW(at(RSI, 0), Z10)
		VPSRAD(operand.Imm(16), Z10, Z9)
		VPSLLD(operand.Imm(16), Z10, Z8)
		VPSRAD(operand.Imm(16), Z8, Z8)
		VPADDW(Z10, Z10, Z10)
	}
	for c := range n {
		if !k.minima {
			dotWords(p.at(c, xHalves), Z10, z(16+c))
		}
		for h := range halves {
			t := 24 + (halves*c+h)%8
			zeroZ(t)
			for j := 8 / halves * h; j < 8/halves*(h+1); j++ {
				dot(p.at(c, 4*j), z(j), z(t))
			}
			VPMULLD(z(8+h), z(t), z(t))
			VPADDD(z(t), z(16+c), z(16+c))
		}
	}
	ADDQ(operand.U32(2*k.part), RBX)
	ADDQ(operand.U32(2*k.scaleStep), RSI)
	p.step(n, xPart)
	again(RCX, "part")

	VCVTPH2PS(at(R8, 0), Z4)
	if k.minima {
		VCVTPH2PS(at(R8, 2*wMin), Z5)
		for i := range 4 {
			VPMOVZXBW(at(R8, 2*wMins+32*i), z(i))
		}
	}
	q := columns{base: R9, upper: R15}
	q.begin(n, R9, 0)
	eachResult(n, func(c int, result mem) {
		sum, t := z(16+c), z(24+c%8)
		VCVTDQ2PS(sum, sum)
		VMULPS(Z4, sum, sum)
		if k.minima {
			VPXORD(t, t, t)
			for i := range 4 {
				dotWords(q.at(c, xSums+4*i), z(i), t)
			}
			VCVTDQ2PS(t, t)
			VFNMADD231PS(t, Z5, sum)
		}
		VMOVUPS(result, t)
		VFMADD231PS_BCST(q.at(c, xScale), sum, t)
		VMOVUPS(t, result)
	})
	ADDQ(operand.U32(2*k.bytes), R8)
	ADDQ(operand.U32(xBytes), R9)
	again(R13, "block")
	RET()
}

// small is a type of blocks of 32 weights. Packed weights are unsigned: 8 (Q4_0) or 128 (Q8_0) was added to each.
type small struct {
	name  string
	bytes int // of a packed block of 16 rows
	bits  int
}

// vnni makes the VNNI tile of n columns. Z16 and the registers after it hold the results.
func (s small) vnni(n int, c constants) {
	tileOf(n, "%svnni%d", s.name, n)
	p := columns{base: R9, upper: R14}
	p.begin(n, R9, 0)
	for i := range n {
		zeroZ(16 + i)
	}
	Label("block")
	offset := sOffset
	if s.bits == 4 {
		nibblesZ(R8, 2*smallQuants, c)
		offset = sEight
	} else {
		for j := range 8 {
			VMOVDQU32(at(R8, 2*smallQuants+64*j), z(j))
		}
	}
	VCVTPH2PS(at(R8, 0), Z8)
	for i := range n {
		sum, scale := z(24+i), z(9+i%4)
		VPBROADCASTD(p.at(i, offset), sum)
		for j := range 8 {
			dot(p.at(i, sBytes+4*j), z(j), sum)
		}
		VMULPS_BCST(p.at(i, sScale), Z8, scale)
		VCVTDQ2PS(sum, sum)
		VFMADD231PS(sum, scale, z(16+i))
	}
	ADDQ(operand.U32(s.bytes), R8)
	p.step(n, sBlock)
	again(R13, "block")
	eachResult(n, func(i int, result mem) { VMOVUPS(z(16+i), result) })
	RET()
}

// vnni makes the VNNI tile of n columns. It adds up in the same order as tile.
func (f floats) vnni(n int) {
	tileOf(n, "%svnni%d", f.name, n)
	p := columns{base: R9, upper: R14}
	p.begin(n, R9, 0)
	for i := range 2 * n {
		zeroZ(i)
	}
	Label("pair")
	CMPQ(R13, operand.Imm(2))
	JLT(operand.LabelRef("rest"))
	f.load(0, Z16)
	f.load(16*f.bytes, Z17)
	for i := range n {
		VFMADD231PS_BCST(p.at(i, 0), Z16, z(2*i))
		VFMADD231PS_BCST(p.at(i, 4), Z17, z(2*i+1))
	}
	ADDQ(operand.U32(32*f.bytes), R8)
	p.step(n, 8)
	SUBQ(operand.Imm(2), R13)
	JMP(operand.LabelRef("pair"))
	Label("rest")
	TESTQ(R13, R13)
	JZ(operand.LabelRef("end"))
	f.load(0, Z16)
	for i := range n {
		VFMADD231PS_BCST(p.at(i, 0), Z16, z(2*i))
	}
	Label("end")
	eachResult(n, func(i int, result mem) {
		VADDPS(z(2*i), z(2*i+1), z(2*i))
		VMOVUPS(z(2*i), result)
	})
	RET()
}
