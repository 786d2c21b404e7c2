package pth

import (
	"slices"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

func (d *decoder) mark() error {
	d.marks = append(d.marks, len(d.stack))
	return d.count()
}

func (d *decoder) tuple() error {
	items, err := d.popMark()
	if err != nil {
		return err
	}
	return d.push(tuple(slices.Clone(items)))
}

func (d *decoder) shortTuple(n int) error {
	items, err := d.pop(n)
	if err != nil {
		return err
	}
	return d.push(tuple(slices.Clone(items)))
}

func (d *decoder) append() error {
	items, err := d.pop(1)
	if err != nil {
		return err
	}
	return d.extend(items)
}

func (d *decoder) appends() error {
	items, err := d.popMark()
	if err != nil {
		return err
	}
	return d.extend(items)
}

func (d *decoder) extend(items []any) error {
	l, ok := d.top().(*list)
	if !ok {
		return d.wrong("appends to %s, want a list", kind(d.top()))
	}
	l.items = append(l.items, items...)
	return nil
}

func (d *decoder) setItem() error {
	items, err := d.pop(2)
	if err != nil {
		return err
	}
	return d.set(items)
}

func (d *decoder) setItems() error {
	items, err := d.popMark()
	if err != nil {
		return err
	}
	return d.set(items)
}

func (d *decoder) set(items []any) error {
	m, ok := d.top().(*dict)
	switch {
	case !ok:
		return d.wrong("sets items of %s, want a dict", kind(d.top()))
	case len(items)%2 != 0:
		return d.wrong("a key has no value")
	}
	for pair := range slices.Chunk(items, 2) {
		m.keys = append(m.keys, pair[0])
		m.values = append(m.values, pair[1])
	}
	return nil
}

// build drops the attributes that a dict or an opaque object was saved with: a module's state dict carries the versions of
// its parts.
func (d *decoder) build() error {
	if _, err := d.pop(1); err != nil {
		return err
	}
	switch d.top().(type) {
	case *dict, opaque:
		return nil
	}
	return d.wrong("gives attributes to %s, want a dict", kind(d.top()))
}

// addItems drops the items of a set.
func (d *decoder) addItems() error {
	if _, err := d.popMark(); err != nil {
		return err
	}
	if _, ok := d.top().(opaque); !ok {
		return d.wrong("adds items to %s, want a set", kind(d.top()))
	}
	return nil
}

// shown is a value for errors: a plain one itself, its kind of any other, which may hold itself or be nested without end.
func shown(v any) string {
	switch v.(type) {
	case int64, bool, float64, string:
		return excerpt.Of(v)
	}
	return kind(v)
}

// frozenSet makes a set of the items above the last mark.
func (d *decoder) frozenSet() error {
	if _, err := d.popMark(); err != nil {
		return err
	}
	return d.push(opaque{"a set"})
}

// kind names a value for errors, as Python would.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case none:
		return "None"
	case bool:
		return "a bool"
	case int64, long:
		return "an integer"
	case float64:
		return "a number"
	case string:
		return "a string"
	case tuple:
		return "a tuple"
	case *list:
		return "a list"
	case *dict:
		return "a dict"
	case *global:
		return v.name
	case opaque:
		return v.kind
	case *span:
		return "a storage"
	default:
		return "a tensor"
	}
}
