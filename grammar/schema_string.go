package grammar

import (
	"encoding/json"
	"fmt"
	"math"
)

// bounds reads a pair of limits of a size.
func bounds(o *object, minKey, maxKey, where string) (least, most int, err error) {
	least, most = 0, unlimited
	for key, to := range map[string]*int{minKey: &least, maxKey: &most} {
		if !o.has(key) {
			continue
		}
		n, ok := o.values[key].(json.Number)
		f, ferr := n.Float64()
		if !ok || ferr != nil || f < 0 || f != math.Trunc(f) {
			return 0, 0, fault(where, "%s is not a whole number from 0", key)
		}
		if f > MaxRepeat {
			return 0, 0, fault(where, "%s is %s, at most %d is supported", key, n, MaxRepeat)
		}
		*to = int(f)
	}
	return least, most, nil
}

func (s *schema) strings(o *object, where string) (*expr, error) {
	least, most, err := bounds(o, "minLength", "maxLength", where)
	if err != nil {
		return nil, err
	}
	limited := o.has("minLength") || o.has("maxLength")
	switch {
	case o.has("pattern") && o.has("format"), limited && (o.has("pattern") || o.has("format")):
		return nil, fault(where, "only one of pattern, format and the bounds of the length is supported")
	case o.has("pattern"):
		pattern, ok := o.values["pattern"].(string)
		if !ok {
			return nil, fault(where, "pattern is not a text")
		}
		e, err := (&regex{chars: jsonChars, dot: patternDot}).parse(pattern, true)
		if err != nil {
			return nil, fault(where, "pattern: %v", err)
		}
		return quoted(e), nil
	case o.has("format"):
		name, _ := o.values["format"].(string)
		pattern, ok := formats[name]
		if !ok {
			return nil, fault(where, "the format %s is not supported", canonical(o.values["format"]))
		}
		e, err := (&regex{chars: chars}).parse(pattern, false)
		if err != nil {
			panic(fmt.Sprintf("grammar: internal error: format %q: %v", name, err))
		}
		return quoted(e), nil
	case least > most:
		return never, nil
	case limited:
		return quoted(repeat(jsonChar, least, most)), nil
	}
	return s.string(), nil
}

// patternDot is . in a pattern, as narrow as in JavaScript.
var patternDot = negate([]runeRange{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}})

const (
	label = `[A-Za-z0-9]{1,15}(-[A-Za-z0-9]{1,15}){0,2}`
	octet = `(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`
	date  = `([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))` +
		`|([0-9][0-9](0[48]|[2468][048]|[13579][26])|(0[048]|[2468][048]|[13579][26])00)-02-29)`
	hours = `T([0-9]{1,3}H([0-9]{1,2}M([0-9]{1,2}S)?)?|[0-9]{1,3}M([0-9]{1,2}S)?|[0-9]{1,3}S)`
	clock = `([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`
)

// formats are the formats of strings, or some of the texts that they allow. None needs escapes in JSON.
var formats = map[string]string{
	"date":      date,
	"time":      clock,
	"date-time": date + "T" + clock,
	"duration":  `P([0-9]{1,3}W|[0-9]{1,3}D(` + hours + `)?|` + hours + `)`,
	"ipv6":      `([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}`,
	"uuid":      `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`,
	"ipv4":      octet + `\.` + octet + `\.` + octet + `\.` + octet,
	"email":     `[A-Za-z0-9_+-]{1,30}(\.[A-Za-z0-9_+-]{1,16}){0,2}@(` + label + `\.){1,3}[A-Za-z]{2,24}`,
	"hostname":  `(` + label + `\.){0,3}[A-Za-z]{1,24}`,
	"uri":       `[A-Za-z][A-Za-z0-9+.-]{0,15}://(` + label + `\.){0,3}[A-Za-z]{1,24}(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*(\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?(#[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?`,
}
