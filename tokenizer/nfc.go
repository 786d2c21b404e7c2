package tokenizer

import (
	"bytes"
	"cmp"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// composed returns text in Unicode's normal form C, as Hugging Face's tokenizers make it: by the tables of Unicode 9, to which
// later characters are unknown and so stand for themselves. It may return text itself, and leaves what is not UTF-8 as it is.
//
// The library answers the quick check alone. What it makes of the rest has a joiner in any run of more than 30 combining
// characters, to bound its memory, which changes the text.
func composed(text []byte) []byte {
	if isASCII(text) || norm.NFC.IsNormal(text) && !bytes.ContainsFunc(text, isUncomposed) {
		return text
	}
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		n := pieceOf(text, composedAtOnce)
		out = append(out, compose(decompose(text[:n]))...)
		text = text[n:]
	}
	return out
}

// composedAtOnce is how many bytes are composed together, or a few more: marks take many times the memory of their text.
const composedAtOnce = 64 << 10

// pieceOf is the length of a piece of text, at least n bytes unless the text is shorter, that what follows changes nothing of: it
// ends before a character that begins something.
func pieceOf(text []byte, n int) int {
	for ; n < len(text); n++ {
		if !utf8.RuneStart(text[n]) {
			continue
		}
		r, size := utf8.DecodeRune(text[n:])
		if r == utf8.RuneError && size == 1 || isUncomposed(r) {
			return n
		}
		if first := appendDecomposed(nil, text[n:n+size])[0]; first.class == 0 && !first.joins {
			return n
		}
	}
	return len(text)
}

func isUncomposed(r rune) bool { return unicode.Is(uncomposed, r) }

// mark is a character and its class: 0 for one that begins something, or else its place among combining ones.
type mark struct {
	bytes []byte
	class uint8
	joins bool // it may become one with what is before it
}

// decompose returns the characters of text in their longest form and canonical order.
func decompose(text []byte) []mark {
	marks := make([]mark, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 || isUncomposed(r) {
			marks = append(marks, mark{bytes: text[:n]})
		} else {
			marks = appendDecomposed(marks, text[:n])
		}
		text = text[n:]
	}
	order(marks)
	return marks
}

func appendDecomposed(marks []mark, r []byte) []mark {
	for whole := norm.NFD.Bytes(r); len(whole) > 0; {
		p := norm.NFC.Properties(whole)
		marks = append(marks, mark{whole[:p.Size()], p.CCC(), !p.BoundaryBefore()})
		whole = whole[p.Size():]
	}
	return marks
}

// order sorts runs of combining characters by their class.
func order(marks []mark) {
	for i := 0; i < len(marks); {
		from := i
		for i < len(marks) && marks[i].class > 0 {
			i++
		}
		slices.SortStableFunc(marks[from:i], func(a, b mark) int { return cmp.Compare(a.class, b.class) })
		i++
	}
}

// compose joins what can be joined: each character with the last beginning before it, unless one of its class or a higher one
// stands between.
func compose(marks []mark) []byte {
	var out []byte
	begin, between := -1, uint8(0) // the last beginning, and the class of what is between
	for i, m := range marks {
		if m.joins && begin >= 0 && (between == 0 || between < m.class) {
			if one := joined(marks[begin].bytes, m.bytes); one != nil {
				marks[begin].bytes, marks[i].bytes = one, nil
				continue
			}
		}
		if between = m.class; m.class == 0 {
			begin = i
		}
	}
	for _, m := range marks {
		out = append(out, m.bytes...)
	}
	return out
}

// joined returns the character that two make together, or nil.
func joined(a, b []byte) []byte {
	one := norm.NFC.Bytes(slices.Concat(a, b))
	if _, n := utf8.DecodeRune(one); n < len(one) {
		return nil
	}
	return one
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// uncomposed are the characters that came after Unicode 9 and that are combined or put in order since.
var uncomposed = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x07fd, 0x07fd, 1}, {0x0898, 0x089f, 1}, {0x08ca, 0x08d3, 1}, {0x09fe, 0x09fe, 1}, {0x0c3c, 0x0c3c, 1}, {0x0d3b, 0x0d3c, 1},
		{0x0eba, 0x0eba, 1}, {0x1715, 0x1715, 1}, {0x1abf, 0x1ace, 1}, {0x1df6, 0x1dfa, 1}, {0xa82c, 0xa82c, 1},
	},
	R32: []unicode.Range32{
		{0x10d24, 0x10d27, 1}, {0x10eab, 0x10eac, 1}, {0x10efd, 0x10eff, 1}, {0x10f46, 0x10f50, 1}, {0x10f82, 0x10f85, 1},
		{0x11070, 0x11070, 1}, {0x1133b, 0x1133b, 1}, {0x1145e, 0x1145e, 1}, {0x11839, 0x1183a, 1}, {0x11930, 0x11930, 1},
		{0x11938, 0x11938, 1}, {0x1193d, 0x1193e, 1}, {0x11943, 0x11943, 1}, {0x119e0, 0x119e0, 1}, {0x11a34, 0x11a34, 1},
		{0x11a47, 0x11a47, 1}, {0x11a99, 0x11a99, 1}, {0x11d42, 0x11d42, 1}, {0x11d44, 0x11d45, 1}, {0x11d97, 0x11d97, 1},
		{0x11f41, 0x11f42, 1}, {0x16ff0, 0x16ff1, 1}, {0x1e08f, 0x1e08f, 1}, {0x1e130, 0x1e136, 1}, {0x1e2ae, 0x1e2ae, 1},
		{0x1e2ec, 0x1e2ef, 1}, {0x1e4ec, 0x1e4ef, 1},
	},
}
