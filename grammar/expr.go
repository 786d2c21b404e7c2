package grammar

import (
	"slices"
	"unicode/utf8"
)

// rules is the form that every front end makes: rules with names, over sets of bytes.
type rules struct {
	names  []string
	bodies []*expr
	start  int
}

// add adds a rule without a body and returns its number.
func (r *rules) add(name string) int {
	r.names, r.bodies = append(r.names, name), append(r.bodies, nil)
	return len(r.bodies) - 1
}

// define adds a rule and returns a reference to it.
func (r *rules) define(name string, body *expr) *expr {
	n := r.add(name)
	r.bodies[n] = body
	return ref(n)
}

type kind uint8

const (
	isBytes  kind = iota // one byte of set
	isSeq                // the parts, one after the other; empty without parts
	isAlt                // one of the parts; nothing at all without parts
	isRef                // a rule
	isRepeat             // parts[0], from least to most times
)

// expr is an expression. It never changes once built, so expressions may share parts.
type expr struct {
	kind        kind
	set         byteSet
	parts       []*expr
	rule        int
	least, most int
}

// unlimited is expr.most of a repetition without an upper bound.
const unlimited = int(^uint32(0) >> 1)

var (
	empty = seq()
	never = alt()
)

func seq(parts ...*expr) *expr {
	if len(parts) == 1 {
		return parts[0]
	}
	return &expr{kind: isSeq, parts: parts}
}

func alt(parts ...*expr) *expr {
	if len(parts) == 1 {
		return parts[0]
	}
	return &expr{kind: isAlt, parts: parts}
}

func ref(rule int) *expr { return &expr{kind: isRef, rule: rule} }

func repeat(e *expr, least, most int) *expr {
	return &expr{kind: isRepeat, parts: []*expr{e}, least: least, most: most}
}

func optional(e *expr) *expr { return repeat(e, 0, 1) }

// text is the given bytes.
func text(s string) *expr {
	parts := make([]*expr, len(s))
	for i := range parts {
		parts[i] = &expr{set: byteRange(s[i], s[i])}
	}
	return seq(parts...)
}

// oneOf is one of the given texts. Texts share their beginnings, so a long list needs few stacks.
func oneOf(texts []string) *expr {
	sorted := slices.Clone(texts)
	slices.Sort(sorted)
	return sharing(slices.Compact(sorted))
}

// sharing is oneOf for sorted texts without duplicates.
func sharing(texts []string) *expr {
	var parts []*expr
	if len(texts) == 1 {
		return text(texts[0])
	}
	for len(texts) > 0 {
		if texts[0] == "" {
			parts, texts = append(parts, empty), texts[1:]
			continue
		}
		n := 1
		for n < len(texts) && texts[n][0] == texts[0][0] {
			n++
		}
		shared := commonPrefix(texts[0], texts[n-1])
		rest := make([]string, n)
		for i := range rest {
			rest[i] = texts[i][shared:]
		}
		head := text(texts[0][:shared])
		if n > 1 {
			head = seq(head, sharing(rest))
		}
		parts, texts = append(parts, head), texts[n:]
	}
	return alt(parts...)
}

// commonPrefix returns how many bytes a and b share from the start.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// byteSet is a set of bytes.
type byteSet [4]uint64

func byteRange(lo, hi byte) (s byteSet) {
	for b := int(lo); b <= int(hi); b++ {
		s[b/64] |= 1 << (b % 64)
	}
	return s
}

func (s *byteSet) has(b byte) bool { return s[b/64]>>(b%64)&1 != 0 }

func (s byteSet) or(t byteSet) byteSet {
	return byteSet{s[0] | t[0], s[1] | t[1], s[2] | t[2], s[3] | t[3]}
}

// runeRange is the characters from lo to hi.
type runeRange struct{ lo, hi rune }

var anyChar = []runeRange{{0, utf8.MaxRune}}

// normal sorts and joins ranges.
func normal(ranges []runeRange) []runeRange {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b runeRange) int { return int(a.lo) - int(b.lo) })
	var out []runeRange
	for _, r := range sorted {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// negate returns the characters outside of ranges.
func negate(ranges []runeRange) []runeRange {
	var out []runeRange
	next := rune(0)
	for _, r := range normal(ranges) {
		if r.lo > next {
			out = append(out, runeRange{next, r.lo - 1})
		}
		next = r.hi + 1
	}
	if next <= utf8.MaxRune {
		out = append(out, runeRange{next, utf8.MaxRune})
	}
	return out
}

// intersect returns the characters in both.
func intersect(a, b []runeRange) []runeRange {
	return negate(append(negate(a), negate(b)...))
}

// chars is one character of the ranges, as UTF-8. Surrogates are not characters, so they are left out.
func chars(ranges []runeRange) *expr {
	var single byteSet
	var long [][]byteSet
	for _, r := range normal(ranges) {
		for _, part := range splitRange(r) {
			lo, hi := utf8.AppendRune(nil, part.lo), utf8.AppendRune(nil, part.hi)
			if len(lo) == 1 {
				single = single.or(byteRange(lo[0], hi[0]))
				continue
			}
			sets := make([]byteSet, len(lo))
			for i := range sets {
				sets[i] = byteRange(lo[i], hi[i])
			}
			long = append(long, sets)
		}
	}
	parts := sequences(long)
	if single != (byteSet{}) {
		parts = append([]*expr{{set: single}}, parts...)
	}
	return alt(parts...)
}

// sequences returns the alternatives for sequences of at least two bytes. Neighbours share their beginnings.
func sequences(list [][]byteSet) []*expr {
	var parts []*expr
	for len(list) > 0 {
		head, n := &expr{set: list[0][0]}, 1
		for n < len(list) && list[n][0] == list[0][0] {
			n++
		}
		rest := make([][]byteSet, n)
		for i := range rest {
			rest[i] = list[i][1:]
		}
		parts, list = append(parts, seq(head, lastBytes(rest))), list[n:]
	}
	return parts
}

// lastBytes is sequences, with those of one byte joined into a set.
func lastBytes(list [][]byteSet) *expr {
	if len(list[0]) > 1 {
		return alt(sequences(list)...)
	}
	var set byteSet
	for _, sets := range list {
		set = set.or(sets[0])
	}
	return &expr{set: set}
}

// splitRange cuts a range so that the UTF-8 of each part is a product of ranges of bytes.
func splitRange(r runeRange) []runeRange {
	if r.lo > r.hi {
		return nil
	}
	if r.lo <= 0xDFFF && r.hi >= 0xD800 { // surrogates
		return append(splitRange(runeRange{r.lo, 0xD7FF}), splitRange(runeRange{0xE000, r.hi})...)
	}
	for _, end := range []rune{0x7F, 0x7FF, 0xFFFF} { // lengths
		if r.lo <= end && end < r.hi {
			return append(splitRange(runeRange{r.lo, end}), splitRange(runeRange{end + 1, r.hi})...)
		}
	}
	if r.hi <= 0x7F {
		return []runeRange{r}
	}
	for bits := 6; bits <= 18; bits += 6 { // bytes that follow
		low := rune(1)<<bits - 1
		if r.lo&^low == r.hi&^low {
			continue
		}
		if r.lo&low != 0 {
			return append(splitRange(runeRange{r.lo, r.lo | low}), splitRange(runeRange{(r.lo | low) + 1, r.hi})...)
		}
		if r.hi&low != low {
			return append(splitRange(runeRange{r.lo, r.hi&^low - 1}), splitRange(runeRange{r.hi &^ low, r.hi})...)
		}
	}
	return []runeRange{r}
}
