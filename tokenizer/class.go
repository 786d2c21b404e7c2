package tokenizer

import (
	"sync"
	"unicode"
)

// class is what the rules that split words ask of a character.
type class uint8

const (
	other  class = iota
	letter       // \p{L}
	number       // \p{N}
	blank        // \s
)

// lastOfClasses is behind the last letter: all characters from it on are of class other.
const lastOfClasses = 0x33480

// classes holds the class of each character, made when first asked for in less than a millisecond. Hugging Face's tokenizers
// know Unicode 16, which is one step ahead of Go's tables.
var classes = sync.OnceValue(func() *[lastOfClasses]class {
	t := new([lastOfClasses]class)
	for c, tables := range map[class][]*unicode.RangeTable{
		letter: {unicode.L, newLetters}, number: {unicode.N, newNumbers}, blank: {unicode.White_Space},
	} {
		for _, table := range tables {
			classify(t, table, c)
		}
	}
	return t
})

func classify(t *[lastOfClasses]class, table *unicode.RangeTable, c class) {
	for _, r := range table.R16 {
		for x := uint32(r.Lo); x <= uint32(r.Hi); x += uint32(r.Stride) {
			t[x] = c
		}
	}
	for _, r := range table.R32 {
		for x := r.Lo; x <= r.Hi && x < lastOfClasses; x += r.Stride {
			t[x] = c
		}
	}
}

// newLetters and newNumbers are the characters of Unicode 15.1 and 16.
var (
	newLetters = &unicode.RangeTable{
		R16: []unicode.Range16{{0x1c89, 0x1c8a, 1}, {0xa7cb, 0xa7cd, 1}, {0xa7da, 0xa7dc, 1}},
		R32: []unicode.Range32{
			{0x105c0, 0x105f3, 1}, {0x10d4a, 0x10d65, 1}, {0x10d6f, 0x10d85, 1}, {0x10ec2, 0x10ec4, 1}, {0x11380, 0x11389, 1},
			{0x1138b, 0x1138e, 3}, {0x11390, 0x113b5, 1}, {0x113b7, 0x113b7, 1}, {0x113d1, 0x113d3, 2}, {0x11bc0, 0x11be0, 1},
			{0x13460, 0x143fa, 1}, {0x16100, 0x1611d, 1}, {0x16d40, 0x16d6c, 1}, {0x18cff, 0x18cff, 1}, {0x1e5d0, 0x1e5ed, 1},
			{0x1e5f0, 0x1e5f0, 1}, {0x2ebf0, 0x2ee5d, 1},
		},
	}
	newNumbers = &unicode.RangeTable{R32: []unicode.Range32{
		{0x10d40, 0x10d49, 1}, {0x116d0, 0x116e3, 1}, {0x11bf0, 0x11bf9, 1}, {0x16130, 0x16139, 1}, {0x16d70, 0x16d79, 1},
		{0x1ccf0, 0x1ccf9, 1}, {0x1e5f1, 0x1e5fa, 1},
	}}
)
