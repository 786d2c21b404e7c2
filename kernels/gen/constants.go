package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// constants are vectors of 32 bytes in memory.
type constants struct {
	nibble, six, two, next2, next4, bit16 mem // bits of each byte
	pairs                                 mem // a shuffle: bytes 0 to 7 become the low bytes of 16 words, each twice
	ones8, ones16                         mem
	absolute                              mem // a mask of all bits of a float except the sign
	narrow                                mem // a permutation that puts bytes in order after VPACKSSDW and VPACKSSWB
	limit                                 mem // 127, then 2^-115: a block whose absolute values are all smaller is rounded to zeros
}

func newConstants() constants {
	bytes := func(name string, b uint64) mem { return vector(name, b*0x0101010101010101) }
	return constants{
		nibble: bytes("nibble", 15), six: bytes("six", 63), two: bytes("two", 3), next2: bytes("next2", 12), next4: bytes("next4", 48),
		bit16: bytes("bit16", 16), ones8: bytes("ones8", 1), ones16: vector("ones16", 0x0001000100010001),
		pairs:    vector("pairs", 0x8001800180008000, 0x8003800380028002, 0x8005800580048004, 0x8007800780068006),
		absolute: vector("absolute", 0x7fffffff7fffffff),
		narrow:   vector("narrow", 4<<32, 5<<32|1, 6<<32|2, 7<<32|3),
		limit:    vector("limit", 0x06000000_42fe0000), // 127 and 2^-115
	}
}

// vector defines 4 words of 64 bits. If only one is given, it is repeated four times.
func vector(name string, words ...uint64) mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 4 {
		DATA(8*i, operand.U64(words[i%len(words)]))
	}
	return m
}
