package grammar

import (
	"encoding/json"
	"math"
	"strconv"
)

// usual bounds numbers without a minimum or maximum.
const usual = 1e16 - 1

// interval is what minimum, maximum and the exclusive ones allow.
type interval struct {
	lo, hi         float64
	openLo, openHi bool // the bound itself is not allowed
	free           bool // there are no bounds
}

// numbers returns the integers or numbers of a schema.
func numbers(o *object, t, where string) (*expr, error) {
	in, err := intervalOf(o, where)
	if err != nil {
		return nil, err
	}
	switch {
	case t == "number" && in.free:
		return number, nil
	case in.free:
		return integer, nil
	case t == "integer":
		return integers(in.whole()), nil
	case in.lo != math.Trunc(in.lo) || in.hi != math.Trunc(in.hi):
		return nil, fault(where, "the bounds %v and %v: only whole numbers are supported as the bounds of the type \"number\"", in.lo, in.hi)
	}
	return in.decimals(), nil
}

func intervalOf(o *object, where string) (interval, error) {
	in := interval{lo: -usual, hi: usual, free: true}
	for _, key := range byType["number"] {
		if !o.has(key) {
			continue
		}
		n, ok := o.values[key].(json.Number)
		f, err := n.Float64()
		if !ok || err != nil {
			return in, fault(where, "%s is not a number", key)
		}
		if math.Abs(f) > 1<<53 {
			return in, fault(where, "%s is %s, at most %d is supported", key, n, 1<<53)
		}
		in.free = false
		switch {
		case key == "minimum" && f > in.lo:
			in.lo, in.openLo = f, false
		case key == "exclusiveMinimum" && f >= in.lo:
			in.lo, in.openLo = f, true
		case key == "maximum" && f < in.hi:
			in.hi, in.openHi = f, false
		case key == "exclusiveMaximum" && f <= in.hi:
			in.hi, in.openHi = f, true
		}
	}
	return in, nil
}

// whole returns the first and the last integer.
func (in interval) whole() (lo, hi int64) {
	lo, hi = int64(math.Ceil(in.lo)), int64(math.Floor(in.hi))
	if in.openLo && float64(lo) == in.lo {
		lo++
	}
	if in.openHi && float64(hi) == in.hi {
		hi--
	}
	return lo, hi
}

// decimals returns the numbers between whole bounds, without exponents.
func (in interval) decimals() *expr {
	lo, hi := int64(in.lo), int64(in.hi)
	switch {
	case lo >= 0:
		return positives(lo, hi, in.openLo, in.openHi)
	case hi < 0:
		return seq(text("-"), positives(-hi, -lo, in.openHi, in.openLo))
	case hi == 0:
		zero := seq(text("0"), optional(zeros))
		if in.openHi {
			zero = never
		}
		return alt(zero, seq(text("-"), positives(0, -lo, in.openHi, in.openLo)))
	}
	return alt(positives(0, hi, false, in.openHi), seq(text("-"), positives(0, -lo, false, in.openLo)))
}

var (
	zeros       = seq(text("."), repeat(text("0"), 1, 16))
	anyFraction = optional(fraction)
	nonzero     = seq(text("."), repeat(digit, 0, 15), chars([]runeRange{{'1', '9'}}))
)

// positives is the numbers from lo to hi, both at least 0. A bound that is open is not allowed itself.
func positives(lo, hi int64, openLo, openHi bool) *expr {
	var parts []*expr
	if lo < hi {
		after := anyFraction
		if openLo {
			after = nonzero
		}
		parts = append(parts, seq(text(strconv.FormatInt(lo, 10)), after))
	}
	if lo+1 < hi {
		parts = append(parts, seq(naturals(lo+1, hi-1), anyFraction))
	}
	if lo <= hi && !openHi && (lo < hi || !openLo) {
		parts = append(parts, seq(text(strconv.FormatInt(hi, 10)), optional(zeros)))
	}
	return alt(parts...)
}
