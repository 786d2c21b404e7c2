package grammar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
func Without(marks ...string) Part {
	return Part{keyed("without", marks...), func(r *rules) (*expr, error) {
		for _, m := range marks {
			if m == "" || strings.ContainsFunc(m, func(c rune) bool { return c >= utf8.RuneSelf }) {
				return nil, &Error{Reason: fmt.Sprintf("the mark %q is empty or not ASCII", m)}
			}
		}
		return without(r, marks), nil
	}}
}

// without makes a rule for each beginning of a mark: what may follow where the text so far ends with it, and with no longer one.
func without(r *rules, marks []string) *expr {
	beginnings := []string{""}
	for _, m := range marks {
		for n := 1; n < len(m); n++ {
			beginnings = append(beginnings, m[:n])
		}
	}
	slices.Sort(beginnings)
	beginnings = slices.Compact(beginnings)
	numbers := map[string]int{}
	for _, b := range beginnings {
		numbers[b] = r.add(fmt.Sprintf("behind %q", b))
	}
	other := seq(chars([]runeRange{{utf8.RuneSelf, utf8.MaxRune}}), ref(numbers[""]))
	for _, b := range beginnings {
		next := map[string]byteSet{}
		for c := range byte(utf8.RuneSelf) {
			ending := b + string(rune(c))
			if slices.ContainsFunc(marks, func(m string) bool { return strings.HasSuffix(ending, m) }) {
				continue
			}
			for i := range len(ending) + 1 {
				if _, ok := numbers[ending[i:]]; ok {
					next[ending[i:]] = next[ending[i:]].or(byteRange(c, c))
					break
				}
			}
		}
		parts := []*expr{empty, other}
		for _, to := range beginnings {
			if set, ok := next[to]; ok {
				parts = append(parts, seq(&expr{set: set}, ref(numbers[to])))
			}
		}
		r.bodies[numbers[b]] = alt(parts...)
	}
	return ref(numbers[""])
}
