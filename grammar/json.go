package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// object is a JSON object in the order of its source.
type object struct {
	keys   []string
	values map[string]any
}

func newObject() *object { return &object{values: map[string]any{}} }

func (o *object) set(key string, v any) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

func (o *object) has(key string) bool { _, ok := o.values[key]; return ok }

// without returns a copy that lacks some keys.
func (o *object) without(keys ...string) *object {
	out := newObject()
	for _, k := range o.keys {
		if !slices.Contains(keys, k) {
			out.set(k, o.values[k])
		}
	}
	return out
}

// decode reads a JSON text as nil, bool, string, json.Number, []any and *object.
func decode(source []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(source))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("something follows the value")
		}
	}
	if err != nil {
		return nil, &Error{Where: fmt.Sprintf("byte %d", d.InputOffset()), Reason: "not a JSON Schema: " + strings.TrimPrefix(err.Error(), "json: ")}
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth > MaxNesting {
		return nil, fmt.Errorf("values are nested more than %d deep", MaxNesting)
	}
	list, o := []any{}, newObject()
	for d.More() {
		key := ""
		if open == '{' {
			t, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, _ = t.(string)
			if o.has(key) {
				return nil, fmt.Errorf("the key %q is there twice", key)
			}
		}
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		o.set(key, v)
	}
	if _, err := d.Token(); err != nil { // the closing bracket
		return nil, err
	}
	if open == '[' {
		return list, nil
	}
	return o, nil
}

// quote returns a string as JSON.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(fmt.Sprintf("grammar: internal error: %v", err))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// canonical returns a text that equal values share.
func canonical(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return quote(v)
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
		return v.String()
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = canonical(v[i])
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	o := v.(*object)
	parts := make([]string, len(o.keys))
	for i, k := range slices.Sorted(slices.Values(o.keys)) {
		parts[i] = quote(k) + ":" + canonical(o.values[k])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func sameValue(a, b any) bool { return canonical(a) == canonical(b) }

// The parts of JSON texts. White space is limited, so that a model cannot idle in it.
var (
	blank = optional(text(" "))
	white = alt(empty, text(" "), seq(text("\n"), repeat(text(" "), 0, 20)))
	comma = seq(text(","), white)
	colon = seq(text(":"), blank)

	digit    = chars([]runeRange{{'0', '9'}})
	natural  = alt(text("0"), seq(chars([]runeRange{{'1', '9'}}), repeat(digit, 0, 15)))
	fraction = seq(text("."), repeat(digit, 1, 16))
	exponent = seq(chars([]runeRange{{'e', 'e'}, {'E', 'E'}}), optional(chars([]runeRange{{'+', '+'}, {'-', '-'}})), repeat(digit, 1, 2))
	integer  = seq(optional(text("-")), natural)
	number   = seq(integer, optional(fraction), optional(exponent))

	// plain are the characters that stand for themselves in a string.
	plain    = negate([]runeRange{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}})
	hex      = chars([]runeRange{{'0', '9'}, {'a', 'f'}, {'A', 'F'}})
	anyDee   = chars([]runeRange{{'d', 'd'}, {'D', 'D'}})
	jsonChar = alt(
		chars(plain),
		seq(text(`\`), chars([]runeRange{{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'b', 'b'}, {'f', 'f'}, {'n', 'n'}, {'r', 'r'}, {'t', 't'}})),
		seq(text(`\u`), chars([]runeRange{{'0', '9'}, {'a', 'c'}, {'A', 'C'}, {'e', 'f'}, {'E', 'F'}}), hex, hex, hex),
		seq(text(`\u`), anyDee, chars([]runeRange{{'0', '7'}}), hex, hex),
		seq(text(`\u`), anyDee, chars([]runeRange{{'8', '9'}, {'a', 'b'}, {'A', 'B'}}), hex, hex, // surrogates come in pairs
			text(`\u`), anyDee, chars([]runeRange{{'c', 'f'}, {'C', 'F'}}), hex, hex),
	)
)

// jsonChars is one character of the ranges, within a string.
func jsonChars(ranges []runeRange) *expr {
	var escaped []string
	for _, r := range intersect(ranges, negate(plain)) {
		for c := r.lo; c <= r.hi; c++ {
			q := quote(string(c))
			escaped = append(escaped, q[1:len(q)-1])
		}
	}
	parts := []*expr{}
	if raw := intersect(ranges, plain); len(raw) > 0 {
		parts = append(parts, chars(raw))
	}
	if len(escaped) > 0 {
		parts = append(parts, oneOf(escaped))
	}
	return alt(parts...)
}

// quoted is a string with the given inside.
func quoted(inside *expr) *expr { return seq(text(`"`), inside, text(`"`)) }

// list is least to most items between brackets.
func list(open, close string, item *expr, least, most int) *expr {
	if least > most {
		return never
	}
	items := seq(item, repeat(seq(comma, item), max(least-1, 0), less(most)), white)
	if least == 0 {
		items = optional(items)
	}
	if most == 0 {
		items = empty
	}
	return seq(text(open), white, items, text(close))
}

// less subtracts one from an upper bound.
func less(most int) int {
	if most == unlimited {
		return most
	}
	return max(most-1, 0)
}

// literal is a JSON value.
func literal(v any) *expr {
	parts := []*expr{}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			parts = append(parts, literal(item))
		}
		return seq(text("["), white, joined(parts), text("]"))
	case *object:
		for _, k := range v.keys {
			parts = append(parts, seq(text(quote(k)), colon, literal(v.values[k])))
		}
		return seq(text("{"), white, joined(parts), text("}"))
	case json.Number:
		return text(v.String())
	}
	return text(canonical(v))
}

func joined(parts []*expr) *expr {
	if len(parts) == 0 {
		return empty
	}
	all := []*expr{parts[0]}
	for _, part := range parts[1:] {
		all = append(all, comma, part)
	}
	return seq(append(all, white)...)
}

// keyOutside is the inside of a key that is none of the names. It has no escapes, so each name has one form.
func keyOutside(names []string) *expr {
	parts := []*expr{}
	if !slices.Contains(names, "") {
		parts = append(parts, empty)
	}
	after := map[rune][]string{}
	var heads []rune
	var ranges []runeRange
	for _, name := range names {
		if name == "" {
			continue
		}
		r, n := utf8.DecodeRuneInString(name)
		if _, ok := after[r]; !ok {
			heads = append(heads, r)
			ranges = append(ranges, runeRange{r, r})
		}
		after[r] = append(after[r], name[n:])
	}
	if others := intersect(plain, negate(ranges)); len(others) > 0 {
		parts = append(parts, seq(chars(others), repeat(chars(plain), 0, unlimited)))
	}
	for _, r := range heads {
		if len(intersect(plain, []runeRange{{r, r}})) > 0 { // else no key without escapes can continue like this
			parts = append(parts, seq(chars([]runeRange{{r, r}}), keyOutside(after[r])))
		}
	}
	return alt(parts...)
}

// integers is the integers from lo to hi.
func integers(lo, hi int64) *expr {
	var parts []*expr
	if lo < 0 && lo <= hi {
		parts = append(parts, seq(text("-"), naturals(max(1, -hi), -lo)))
	}
	if hi >= 0 && lo <= hi {
		parts = append(parts, naturals(max(0, lo), hi))
	}
	return alt(parts...)
}

// naturals is the numbers from lo to hi, both at least 0.
func naturals(lo, hi int64) *expr {
	var parts []*expr
	for least := int64(1); ; least *= 10 { // by the number of digits
		from, to := max(lo, least), min(hi, least*10-1)
		if least == 1 {
			from = lo
		}
		if from <= to {
			parts = append(parts, between(strconv.FormatInt(from, 10), strconv.FormatInt(to, 10)))
		}
		if least*10 > hi {
			return alt(parts...)
		}
	}
}

// between is the numbers from lo to hi, which have as many digits.
func between(lo, hi string) *expr {
	n := len(lo)
	if strings.Trim(lo, "0") == "" && strings.Trim(hi, "9") == "" {
		return seq(slices.Repeat([]*expr{digit}, n)...)
	}
	if lo[0] == hi[0] {
		return seq(text(lo[:1]), between(lo[1:], hi[1:]))
	}
	parts := []*expr{
		seq(text(lo[:1]), between(lo[1:], strings.Repeat("9", n-1))),
		seq(text(hi[:1]), between(strings.Repeat("0", n-1), hi[1:])),
	}
	if lo[0]+1 < hi[0] {
		middle := chars([]runeRange{{rune(lo[0] + 1), rune(hi[0] - 1)}})
		parts = append(parts, seq(append([]*expr{middle}, slices.Repeat([]*expr{digit}, n-1)...)...))
	}
	return alt(parts...)
}
