package grammar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Part is the source of a grammar, or of a piece of one. It is compiled by New. Parts with equal keys make equal grammars. A Part never
// changes, so goroutines may share it.
type Part struct {
	key string
	add func(r *rules) (*expr, error)
}

// Key returns a text that only equal parts share.
func (p Part) Key() string { return p.key }

// MarshalText returns the key, so that a part can be logged.
func (p Part) MarshalText() ([]byte, error) { return []byte(p.key), nil }

// keyed joins the values that a part is made of.
func keyed(kind string, values ...string) string {
	var b strings.Builder
	b.WriteString(kind)
	for _, v := range values {
		b.WriteString(strconv.Itoa(len(v)) + ":" + v)
	}
	return b.String()
}

// New compiles a part. Errors are of type *Error.
func New(p Part) (*Grammar, error) {
	var r rules
	e, err := p.add(&r)
	if err != nil {
		return nil, err
	}
	if e.kind != isRef {
		e = r.define("text", e)
	}
	r.start = e.rule
	return build(&r)
}

// Text is exactly the given text.
func Text(s string) Part {
	return Part{keyed("text", s), func(*rules) (*expr, error) { return text(s), nil }}
}

// Sequence is a text of each part, one after the other.
func Sequence(parts ...Part) Part { return joining("sequence", seq, parts) }

// Either is a text of one of the parts.
func Either(parts ...Part) Part { return joining("either", alt, parts) }

func joining(kind string, join func(...*expr) *expr, parts []Part) Part {
	keys := make([]string, len(parts))
	for i, p := range parts {
		keys[i] = p.key
	}
	return Part{keyed(kind, keys...), func(r *rules) (*expr, error) {
		all := make([]*expr, len(parts))
		for i, p := range parts {
			var err error
			if all[i], err = p.add(r); err != nil {
				return nil, err
			}
		}
		return join(all...), nil
	}}
}

// Else is p, or q if p cannot be compiled.
func (p Part) Else(q Part) Part {
	return Part{keyed("else", p.key, q.key), func(r *rules) (*expr, error) {
		if _, err := New(p); err != nil {
			return q.add(r)
		}
		return p.add(r)
	}}
}

// At is p, whose errors tell that it comes from the given place, such as the field of a request.
func (p Part) At(place string) Part {
	return Part{p.key, func(r *rules) (*expr, error) {
		e, err := p.add(r)
		var bad *Error
		if errors.As(err, &bad) && bad.Source == "" {
			err = &Error{place, bad.Where, bad.Reason}
		}
		return e, err
	}}
}

// Without is any text in which none of the marks occurs. The marks are ASCII, and none is empty.
func Without(marks ...string) Part { return forbidding("without", marks, false) }

// LinesWithout is any text without a line that begins with one of the marks. White space at the beginning of the text does not count. The
// marks are ASCII, and none is empty or begins with white space.
func LinesWithout(marks ...string) Part { return forbidding("lines without", marks, true) }

func forbidding(kind string, marks []string, lines bool) Part {
	return Part{keyed(kind, marks...), func(r *rules) (*expr, error) {
		for _, m := range marks {
			if m == "" || strings.ContainsFunc(m, func(c rune) bool { return c >= utf8.RuneSelf }) {
				return nil, &Error{Reason: fmt.Sprintf("the mark %q is empty or not ASCII", m)}
			}
		}
		if !lines {
			return ref(newForbidden(r, marks).rules[""]), nil
		}
		behind := make([]string, len(marks))
		for i, m := range marks {
			behind[i] = "\n" + m
		}
		f := newForbidden(r, behind)
		first := r.add("the beginning of the text")
		r.bodies[first] = alt(append(f.ways("\n", whiteSpace()), seq(chars(whiteSpace()), ref(first)))...)
		return ref(first), nil
	}}
}

// whiteSpace is what unicode.IsSpace reports.
func whiteSpace() (ranges []runeRange) {
	for _, r := range unicode.White_Space.R16 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			ranges = append(ranges, runeRange{c, c})
		}
	}
	return ranges
}

// forbidden are marks that do not occur in a text. There is a rule for each beginning of a mark: what may follow where the text so far ends
// with it, and with no longer one.
type forbidden struct {
	marks      []string
	beginnings []string
	rules      map[string]int
}

func newForbidden(r *rules, marks []string) *forbidden {
	f := &forbidden{marks: marks, beginnings: []string{""}, rules: map[string]int{}}
	for _, m := range marks {
		for n := 1; n < len(m); n++ {
			f.beginnings = append(f.beginnings, m[:n])
		}
	}
	slices.Sort(f.beginnings)
	f.beginnings = slices.Compact(f.beginnings)
	for _, b := range f.beginnings {
		f.rules[b] = r.add(fmt.Sprintf("behind %q", b))
	}
	for _, b := range f.beginnings {
		r.bodies[f.rules[b]] = alt(f.ways(b, nil)...)
	}
	return f
}

// ways returns the ways to go on behind a beginning, other than with some characters.
func (f *forbidden) ways(behind string, except []runeRange) []*expr {
	parts := []*expr{empty}
	if others := intersect(negate(except), []runeRange{{utf8.RuneSelf, utf8.MaxRune}}); len(others) > 0 {
		parts = append(parts, seq(chars(others), ref(f.rules[""])))
	}
	sets := map[string]byteSet{}
	for c := range rune(utf8.RuneSelf) {
		text := behind + string(c)
		isExcept := slices.ContainsFunc(except, func(r runeRange) bool { return r.lo <= c && c <= r.hi })
		if isExcept || slices.ContainsFunc(f.marks, func(m string) bool { return strings.HasSuffix(text, m) }) {
			continue
		}
		for !slices.Contains(f.beginnings, text) {
			text = text[1:]
		}
		sets[text] = sets[text].or(byteRange(byte(c), byte(c)))
	}
	for _, b := range f.beginnings {
		if set, ok := sets[b]; ok {
			parts = append(parts, seq(&expr{set: set}, ref(f.rules[b])))
		}
	}
	return parts
}
