package grammar

import (
	"encoding/json"
	"slices"
)

// conjunction returns a schema for what fits both a and b, nil if nothing does. Neither has allOf or $ref at its top.
func conjunction(a, b *object, where string) (*object, error) {
	out, err := mergeProperties(a, b, where)
	if err != nil {
		return nil, err
	}
	if err := mergeItems(out, a, b, where); err != nil {
		return nil, err
	}
	keys := []string{"properties", "additionalProperties", "prefixItems", "items"}
	a, b = a.without(keys...), b.without(keys...)
	for _, key := range a.keys {
		out.set(key, a.values[key])
	}
	for _, key := range b.keys {
		v := b.values[key]
		if out.has(key) && !isAnnotation(key) {
			var err error
			if v, err = mergeKeyword(key, out.values[key], v, where); err != nil {
				return nil, err
			}
		}
		out.set(key, v)
	}
	return out, nil
}

func mergeKeyword(key string, a, b any, where string) (any, error) {
	switch {
	case sameValue(a, b):
		return a, nil
	case key == "type":
		return mergeTypes(a, b), nil
	case slices.Contains([]string{"minimum", "exclusiveMinimum", "minLength", "minItems"}, key):
		return pick(a, b, func(x, y float64) bool { return x >= y }), nil
	case slices.Contains([]string{"maximum", "exclusiveMaximum", "maxLength", "maxItems"}, key):
		return pick(a, b, func(x, y float64) bool { return x <= y }), nil
	}
	x, isList := a.([]any)
	y, areLists := b.([]any)
	switch {
	case key == "required" && isList && areLists:
		return append(slices.Clone(x), y...), nil
	case key == "enum" && isList && areLists:
		kept := slices.DeleteFunc(slices.Clone(x), func(v any) bool {
			return !slices.ContainsFunc(y, func(w any) bool { return sameValue(v, w) })
		})
		if len(kept) > 0 {
			return kept, nil
		}
		return nil, fault(where, "allOf, or what stands beside a $ref or an alternative: no value of enum is in both")
	}
	return nil, fault(where, "two different values of %q for the same value are not supported", key)
}

// pick returns the number that wins; what is not a number is left for later to refuse.
func pick(a, b any, wins func(x, y float64) bool) any {
	x, ok := a.(json.Number)
	y, also := b.(json.Number)
	if !ok {
		return a
	}
	if !also {
		return b
	}
	f, _ := x.Float64()
	g, _ := y.Float64()
	if wins(f, g) {
		return a
	}
	return b
}

// mergeTypes returns the types in both. Every integer is a number.
func mergeTypes(a, b any) any {
	x, y := typeList(a), typeList(b)
	kept := []any{}
	for _, t := range x {
		for _, u := range y {
			switch {
			case sameValue(t, u):
				kept = append(kept, t)
			case t == "integer" && u == "number" || t == "number" && u == "integer":
				kept = append(kept, "integer")
			}
		}
	}
	return kept
}

func typeList(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// both returns a schema for what fits two schemas.
func both(a, b any) any {
	switch {
	case a == true:
		return b
	case b == true:
		return a
	case a == false || b == false:
		return false
	case sameValue(a, b):
		return a
	}
	o := newObject()
	o.set("allOf", []any{a, b})
	return o
}

// mergeProperties returns the properties and additionalProperties of both.
func mergeProperties(a, b *object, where string) (*object, error) {
	pa, _, err := members(a, where)
	if err != nil {
		return nil, err
	}
	pb, _, err := members(b, where)
	if err != nil {
		return nil, err
	}
	others := func(o *object) any {
		if v, ok := o.values["additionalProperties"]; ok {
			return v
		}
		return true
	}
	of := func(key string, declared *object, o *object) any {
		if v, ok := declared.values[key]; ok {
			return v
		}
		return others(o)
	}
	props := newObject()
	for _, key := range append(slices.Clone(pa.keys), pb.keys...) {
		props.set(key, both(of(key, pa, a), of(key, pb, b)))
	}
	out := newObject()
	if len(props.keys) > 0 {
		out.set("properties", props)
	}
	if a.has("additionalProperties") || b.has("additionalProperties") {
		out.set("additionalProperties", both(others(a), others(b)))
	}
	return out, nil
}

// mergeItems adds the prefixItems and items of both to out.
func mergeItems(out, a, b *object, where string) error {
	prefix := func(o *object) ([]any, error) {
		if !o.has("prefixItems") {
			return nil, nil
		}
		return schemaList(o, "prefixItems", where)
	}
	pa, err := prefix(a)
	if err != nil {
		return err
	}
	pb, err := prefix(b)
	if err != nil {
		return err
	}
	at := func(list []any, o *object, i int) any {
		if i < len(list) {
			return list[i]
		}
		if v, ok := o.values["items"]; ok {
			return v
		}
		return true
	}
	var merged []any
	n := max(len(pa), len(pb))
	for i := range n {
		merged = append(merged, both(at(pa, a, i), at(pb, b, i)))
	}
	if n > 0 {
		out.set("prefixItems", merged)
	}
	if a.has("items") || b.has("items") {
		out.set("items", both(at(nil, a, 0), at(nil, b, 0)))
	}
	return nil
}

// apart makes sure that no value fits two of the schemas.
func (s *schema) apart(list []any, where string) error {
	for i := range list {
		for j := range i {
			ok, err := s.disjoint(list[j], list[i], where, 0)
			if err != nil {
				return err
			}
			if !ok {
				return fault(where, "oneOf is only supported where no value can fit two of its schemas, but %d and %d may overlap: "+
					"give them different types, or a required property with different constants, or use anyOf", j, i)
			}
		}
	}
	return nil
}

// disjoint reports whether it is certain that no value fits both schemas.
func (s *schema) disjoint(a, b any, where string, depth int) (bool, error) {
	x, nothing, err := s.flat(a, where, 0)
	if err != nil || nothing {
		return nothing, err
	}
	y, nothing, err := s.flat(b, where, 0)
	if err != nil || nothing {
		return nothing, err
	}
	tx, err := declaredTypes(x, where)
	if err != nil {
		return false, err
	}
	ty, err := declaredTypes(y, where)
	if err != nil {
		return false, err
	}
	shared := mergeTypes(tx, ty).([]any)
	if len(shared) == 0 {
		return true, nil
	}
	if (x.has("enum") || x.has("const")) && (y.has("enum") || y.has("const")) {
		vx, err := listed(x, where)
		if err != nil {
			return false, err
		}
		vy, err := listed(y, where)
		return err == nil && !slices.ContainsFunc(vx, func(v any) bool { return slices.ContainsFunc(vy, func(w any) bool { return sameValue(v, w) }) }), err
	}
	if depth > 4 || len(shared) != 1 || shared[0] != "object" {
		return false, nil
	}
	return s.disjointProperty(x, y, where, depth)
}

// disjointProperty looks for a property that both objects must have and that differs.
func (s *schema) disjointProperty(x, y *object, where string, depth int) (bool, error) {
	px, rx, err := members(x, where)
	if err != nil {
		return false, err
	}
	py, ry, err := members(y, where)
	if err != nil {
		return false, err
	}
	for _, key := range px.keys {
		if rx[key] && ry[key] && py.has(key) {
			if ok, err := s.disjoint(px.values[key], py.values[key], where, depth+1); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// declaredTypes returns the types that a schema really allows: keywords of one type do not exclude others.
func declaredTypes(o *object, where string) ([]any, error) {
	names := allTypes
	if o.has("type") {
		var err error
		if names, err = typesOf(o, where); err != nil {
			return nil, err
		}
	} else if o.has("enum") || o.has("const") {
		values, err := listed(o.without("type"), where)
		if err != nil {
			return nil, err
		}
		names = slices.DeleteFunc(slices.Clone(allTypes), func(t string) bool {
			return !slices.ContainsFunc(values, func(v any) bool { return hasType(v, t) })
		})
	}
	types := make([]any, len(names))
	for i, t := range names {
		types[i] = t
	}
	return types, nil
}
