package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in a column's block of 256 values. The block has a scale, the sums of its 8 parts, and the parts. A part has the bytes of 32
// values, and the sums of its two halves times -16.
const (
	xScale, xSums, xParts = 0, 16, 32
	xHalves, xPart        = 32, 36
	xBytes                = 320
)

// Offsets in a packed block of types with scales and minima (Q4_K, Q5_K).
const wD, wMin, wScales, wMins, wQuants = 0, 16, 32, 96, 160

// Offsets in a packed block of Q6_K.
const wScales6, wQuants6 = 16, 144

// kind is a type of blocks of 256 weights. A block has 8 parts of 32.
type kind struct {
	name      string
	bytes     int               // of a packed block of 8 rows
	scales    int               // offset of the scales of parts
	scaleStep int               // bytes of the scales of a part
	quants    int               // offset of the weights
	part      int               // bytes of the weights of a part
	sums      int               // the products of a part are added up in this many sums, so that no sum overflows 16 bits
	minima    bool              // each part has a minimum; the weights of other types have an offset of 32
	load      func()            // unpacks a part at RBX to Y0 to Y7, 4 columns of 8 rows each. It may change Y8 to Y11
	loadZ     func(c constants) // does the same for 16 rows, to Z0 to Z7
	c         constants
}

func q4k(c constants) kind {
	return kind{name: "q4k", bytes: 1184, scales: wScales, scaleStep: 8, quants: wQuants, part: 128, sums: 1, minima: true, c: c, loadZ: loadQ4K,
		load: func() { nibbles(RBX, 0, c) }}
}

func q5k(c constants) kind {
	return kind{name: "q5k", bytes: 1440, scales: wScales, scaleStep: 8, quants: wQuants, part: 160, sums: 2, minima: true, c: c, loadZ: loadQ5K,
		load: func() {
			nibbles(RBX, 0, c)
			VMOVDQU(at(RBX, 128), Y8)
			for j := range 8 { // bit j of a byte becomes bit 4 of register j
				from := VecPhysical(Y9)
				switch {
				case j < 4:
					VPSLLW(operand.Imm(uint64(4-j)), Y8, Y9)
				case j > 4:
					VPSRLW(operand.Imm(uint64(j-4)), Y8, Y9)
				default:
					from = Y8
				}
				VPAND(c.bit16, from, Y9)
				VPOR(Y9, y(j), y(j))
			}
		}}
}

func q6k(c constants) kind {
	return kind{name: "q6k", bytes: 1680, scales: wScales6, scaleStep: 16, quants: wQuants6, part: 192, sums: 4, c: c, loadZ: loadQ6K,
		load: func() {
			for half := range 2 {
				r := 4 * half
				for j := range 3 {
					VMOVDQU(at(RBX, 96*half+32*j), y(r+j))
				}
				VPSRLW(operand.Imm(6), y(r), y(r+3))
				VPAND(c.two, y(r+3), y(r+3))
				VPSRLW(operand.Imm(4), y(r+1), Y8)
				VPAND(c.next2, Y8, Y8)
				VPOR(Y8, y(r+3), y(r+3))
				VPSRLW(operand.Imm(2), y(r+2), Y8)
				VPAND(c.next4, Y8, Y8)
				VPOR(Y8, y(r+3), y(r+3))
				for j := range 3 {
					VPAND(c.six, y(r+j), y(r+j))
				}
			}
		}}
}

// nibbles unpacks 4 vectors of bytes. The low halves of the bytes go to Y0 to Y3, the high halves to Y4 to Y7.
func nibbles(from GPPhysical, offset int, c constants) {
	for j := range 4 {
		VMOVDQU(at(from, offset+32*j), y(j))
		VPSRLW(operand.Imm(4), y(j), y(4+j))
		VPAND(c.nibble, y(j), y(j))
		VPAND(c.nibble, y(4+j), y(4+j))
	}
}

// halves returns the number of scales of a part: 1, or 2 if each half has its own.
func (k kind) halves() int {
	if k.minima {
		return 1
	}
	return 2
}

// wordScales loads the scales of a part from RSI, for VPMADDWD. It puts each scale into both words of a pair. Y8 gets the scales of the
// part. If each half of a part has its own scale, Y8 gets those of the first half and Y9 those of the second. Then Y11 gets pairs of one
// scale of each half, times 2.
func (k kind) wordScales() {
	if k.minima {
		VPBROADCASTQ(at(RSI, 0), Y8)
		VPSHUFB(k.c.pairs, Y8, Y8)
		return
	}
	VPMOVSXBW(at(RSI, 0), Y11)
	VPSLLD(operand.Imm(16), Y11, Y8)
	VPBLENDW(operand.Imm(0xaa), Y8, Y11, Y8)
	VPSRLD(operand.Imm(16), Y11, Y9)
	VPBLENDW(operand.Imm(0xaa), Y11, Y9, Y9)
	VPADDW(Y11, Y11, Y11)
}

// products multiplies Y0 to Y7 with the part of column c that p points to, then with the scales, and adds the products to sum. scales
// has one register, or one for each half of the part. t and u are scratch.
func (k kind) products(p columns, c int, scales []operand.Op, t, u, sum VecPhysical) {
	each := 8 / k.sums
	for s := range k.sums {
		for j := s * each; j < (s+1)*each; j++ {
			to := u
			if j == s*each {
				to = t
			}
			VPBROADCASTD(p.at(c, 4*j), to)
			VPMADDUBSW(to, y(j), to)
			if to == u {
				VPADDW(u, t, t)
			}
		}
		VPMADDWD(scales[s*len(scales)/k.sums], t, t)
		VPADDD(t, sum, sum)
	}
}

// tile makes the AVX2 tile of n columns, 4 at most. Y12 and the registers after it hold the sums of the columns.
func (k kind) tile(n int) {
	tileOf(n, "%s%d", k.name, n)
	zero(Y9)
	eachResult(n, func(c int, result mem) { VMOVUPS(Y9, result) })
	p := columns{base: RAX}
	Label("block")
	for c := range n {
		zero(y(12 + c))
	}
	k.eachPart(p, n, func() {
		k.load()
		k.wordScales()
		if !k.minima {
			for c := range n {
				VPBROADCASTD(p.at(c, xHalves), Y10)
				VPMADDWD(Y11, Y10, Y10)
				VPADDD(Y10, y(12+c), y(12+c))
			}
		}
		for c := range n {
			k.products(p, c, []operand.Op{Y8, Y9}[:k.halves()], Y10, Y11, y(12+c))
		}
	})
	k.loadBlockScales()
	k.finish(n, Y10, Y9, 12)
	ADDQ(operand.U32(k.bytes), R8)
	ADDQ(operand.U32(xBytes), R9)
	again(R13, "block")
	RET()
}

// eachPart loops over the 8 parts of a packed block: RBX points to the weights, RSI to the scales, p to the columns.
func (k kind) eachPart(p columns, n int, body func()) {
	MOVQ(operand.U32(8), RCX)
	LEAQ(at(R8, k.quants), RBX)
	LEAQ(at(R8, k.scales), RSI)
	p.begin(n, R9, xParts)
	Label("part")
	prefetch(RBX, k.part)
	body()
	ADDQ(operand.U32(k.part), RBX)
	ADDQ(operand.U32(k.scaleStep), RSI)
	p.step(n, xPart)
	again(RCX, "part")
}

// loadBlockScales loads the scales of 8 rows to Y4. If there are minima, it loads their scales to Y5, and the minima to Y0 to Y3, two
// parts in each register.
func (k kind) loadBlockScales() {
	VCVTPH2PS(at(R8, wD), Y4)
	if k.minima {
		VCVTPH2PS(at(R8, wMin), Y5)
		for i := range 4 {
			VPMOVZXBW(at(R8, wMins+16*i), y(i))
		}
	}
}

// finish adds the sums of a block to the results. The sum of column 0 is in register first, the others follow. t and u are scratch.
func (k kind) finish(n int, t, u VecPhysical, first int) {
	p := columns{base: R9, upper: R14}
	p.begin(n, R9, 0)
	eachResult(n, func(c int, result mem) {
		sum := y(first + c)
		VCVTDQ2PS(sum, sum)
		VMULPS(Y4, sum, sum)
		if k.minima {
			for i := range 4 {
				VPBROADCASTD(p.at(c, xSums+4*i), t)
				if i == 0 {
					VPMADDWD(t, Y0, u)
					continue
				}
				VPMADDWD(t, y(i), t)
				VPADDD(t, u, u)
			}
			VCVTDQ2PS(u, u)
			VFNMADD231PS(u, Y5, sum)
		}
		VBROADCASTSS(p.at(c, xScale), t)
		VMOVUPS(result, u)
		VFMADD231PS(sum, t, u)
		VMOVUPS(u, result)
	})
}

// An unpacked block begins with the scales of 8 rows. If the type has minima, their scales and the minima follow. Then come the parts: Y0
// to Y7 as load makes them, and the registers that wordScales makes.
const unpackedPart = 256

func (k kind) header() int {
	if k.minima {
		return 192
	}
	return 32
}

func (k kind) wordScaleBytes() int {
	if k.minima {
		return 32
	}
	return 96
}

// unpack makes a function that unpacks a group. R8 points to the group, R13 is its number of blocks, R11 points to the result.
func (k kind) unpack() {
	function("%sunpack", k.name)
	Label("block")
	k.loadBlockScales()
	VMOVUPS(Y4, at(R11, 0))
	if k.minima {
		VMOVUPS(Y5, at(R11, 32))
		for i := range 4 {
			VMOVDQU(y(i), at(R11, 64+32*i))
		}
	}
	ADDQ(operand.U32(k.header()), R11)
	k.eachPart(columns{base: RAX}, 1, func() {
		k.load()
		for j := range 8 {
			VMOVDQU(y(j), at(R11, 32*j))
		}
		k.wordScales()
		VMOVDQU(Y8, at(R11, unpackedPart))
		if !k.minima {
			VMOVDQU(Y9, at(R11, unpackedPart+32))
			VMOVDQU(Y11, at(R11, unpackedPart+64))
		}
		ADDQ(operand.U32(unpackedPart+k.wordScaleBytes()), R11)
	})
	ADDQ(operand.U32(k.bytes), R8)
	again(R13, "block")
	RET()
}

// wide makes the AVX2 tile of 6 columns for an unpacked group. Y10 to Y15 hold the sums of the columns.
func (k kind) wide() {
	const n = 6
	tileOf(n, "%swide", k.name)
	zero(Y9)
	eachResult(n, func(c int, result mem) { VMOVUPS(Y9, result) })
	p := columns{base: RAX, upper: R14}
	Label("block")
	for c := range n {
		zero(y(10 + c))
	}
	MOVQ(operand.U32(8), RCX)
	LEAQ(at(R8, k.header()), RBX)
	p.begin(n, R9, xParts)
	Label("part")
	for j := range 8 {
		VMOVDQU(at(RBX, 32*j), y(j))
	}
	scales := []operand.Op{at(RBX, unpackedPart), at(RBX, unpackedPart+32)}[:k.halves()]
	for c := range n {
		if !k.minima {
			VPBROADCASTD(p.at(c, xHalves), Y8)
			VPMADDWD(at(RBX, unpackedPart+64), Y8, Y8)
			VPADDD(Y8, y(10+c), y(10+c))
		}
		k.products(p, c, scales, Y8, Y9, y(10+c))
	}
	part := unpackedPart + k.wordScaleBytes()
	ADDQ(operand.U32(part), RBX)
	p.step(n, xPart)
	again(RCX, "part")
	VMOVUPS(at(R8, 0), Y4)
	if k.minima {
		VMOVUPS(at(R8, 32), Y5)
		for i := range 4 {
			VMOVDQU(at(R8, 64+32*i), y(i))
		}
	}
	k.finish(n, Y8, Y9, 10)
	ADDQ(operand.U32(k.header()+8*part), R8)
	ADDQ(operand.U32(xBytes), R9)
	again(R13, "block")
	RET()
}
