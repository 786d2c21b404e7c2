package grammar

import (
	"fmt"
	"slices"
	"strings"
)

// array returns the arrays of a schema.
func (s *schema) array(o *object, where string, depth int) (*expr, error) {
	least, most, err := bounds(o, "minItems", "maxItems", where)
	if err != nil {
		return nil, err
	}
	if least > most {
		return never, nil
	}
	if _, ok := o.values["items"].([]any); ok {
		return nil, fault(where, "items is a list: use prefixItems")
	}
	var prefix []any
	if o.has("prefixItems") {
		if prefix, err = schemaList(o, "prefixItems", where); err != nil {
			return nil, err
		}
	}
	if len(prefix) == 0 && !o.has("items") && least == 0 && most == unlimited {
		return s.anyArray(), nil
	}
	item := s.anything()
	if o.has("items") {
		if item, err = s.rule(o.values["items"], where+"/items", depth); err != nil {
			return nil, err
		}
	}
	if len(prefix) == 0 {
		return list("[", "]", item, least, most), nil
	}
	return s.tuple(prefix, item, least, most, where, depth)
}

// tuple returns the arrays that begin with the items of prefix.
func (s *schema) tuple(prefix []any, item *expr, least, most int, where string, depth int) (*expr, error) {
	n := len(prefix)
	rest := white
	if most > n {
		upper := most
		if upper != unlimited {
			upper -= n
		}
		more := repeat(seq(comma, item), max(least-n, 0), upper)
		rest = seq(more, white)
	}
	for i := n - 1; i >= 0; i-- {
		if i >= most {
			continue
		}
		e, err := s.rule(prefix[i], fmt.Sprintf("%s/prefixItems/%d", where, i), depth)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			e = seq(comma, e)
		}
		rest = seq(e, rest)
		if i >= least {
			rest = alt(white, rest)
		}
	}
	return seq(text("["), white, rest, text("]")), nil
}

// rule returns a reference to a rule of its own for a schema. So a schema that is used twice is compiled once.
func (s *schema) rule(v any, where string, depth int) (*expr, error) {
	e, err := s.value(v, where, depth+1)
	if err != nil || e == never || e.kind == isRef {
		return e, err
	}
	return s.define(where, e), nil
}

// escapePointer returns a key as a part of a JSON pointer.
func escapePointer(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

// property is one property of an object schema.
type property struct {
	member   *expr // key and value
	required bool
}

// object returns the objects of a schema.
func (s *schema) object(o *object, where string, depth int) (*expr, error) {
	declared, required, err := members(o, where)
	if err != nil {
		return nil, err
	}
	others, open := o.values["additionalProperties"]
	if !open {
		others = len(declared.keys) == 0
	}
	var list []property
	names := slices.Clone(declared.keys)
	for _, key := range declared.keys {
		e, err := s.rule(declared.values[key], where+"/properties/"+escapePointer(key), depth)
		if err != nil {
			return nil, err
		}
		list = append(list, property{seq(text(quote(key)), colon, e), required[key]})
	}
	for _, key := range requiredOnly(o, declared) {
		names = append(names, key)
		v := others
		if !open {
			v = true
		}
		e, err := s.rule(v, where+"/additionalProperties", depth)
		if err != nil {
			return nil, err
		}
		list = append(list, property{seq(text(quote(key)), colon, e), true})
	}
	value, err := s.rule(others, where+"/additionalProperties", depth)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 && others == true {
		return s.anyObject(), nil
	}
	key := s.string()
	if len(names) > 0 {
		key = quoted(keyOutside(names))
	}
	if value == never {
		return s.members(list, nil, where), nil
	}
	return s.members(list, s.define(where+"/additionalProperties", seq(key, colon, value)), where), nil
}

// members returns the objects with the properties, in their order, then any number of extra ones.
func (s *schema) members(list []property, extra *expr, where string) *expr {
	next, first := white, empty // what may follow a member, and the opening brace
	if extra != nil {
		next = s.define(where+"/additionalProperties", seq(repeat(seq(comma, extra), 0, unlimited), white))
		first = alt(empty, seq(extra, next))
	}
	for i := len(list) - 1; i >= 0; i-- {
		p := list[i]
		begin, follow := seq(p.member, next), seq(comma, p.member, next)
		if !p.required {
			begin, follow = alt(begin, first), alt(follow, next)
		}
		first = begin
		if i > 0 {
			next = s.define(fmt.Sprintf("%s/properties/%d", where, i), follow)
		}
	}
	return seq(text("{"), white, first, text("}"))
}

// members reads properties and required.
func members(o *object, where string) (declared *object, required map[string]bool, err error) {
	declared, required = newObject(), map[string]bool{}
	if v, ok := o.values["properties"]; ok {
		if declared, ok = v.(*object); !ok {
			return nil, nil, fault(where, "properties is not an object")
		}
	}
	if v, ok := o.values["required"]; ok {
		list, ok := v.([]any)
		if !ok {
			return nil, nil, fault(where, "required is not a list of texts")
		}
		for _, v := range list {
			key, ok := v.(string)
			if !ok {
				return nil, nil, fault(where, "required is not a list of texts")
			}
			required[key] = true
		}
	}
	return declared, required, nil
}

// requiredOnly returns the properties that are required but not declared.
func requiredOnly(o, declared *object) []string {
	var keys []string
	seen := map[string]bool{}
	list, _ := o.values["required"].([]any)
	for _, v := range list {
		key := v.(string)
		if !declared.has(key) && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}
