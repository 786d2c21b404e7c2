package cli

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"gosling/gguf"
)

// metadata is a list of keys that keeps its order in text and is an object in JSON.
type metadata []gguf.KV

// MarshalJSON writes an object. Numbers that JSON lacks are written as strings.
func (m metadata) MarshalJSON() ([]byte, error) {
	object := make(map[string]any, len(m))
	for _, kv := range m {
		object[kv.Key] = jsonValue(reflect.ValueOf(kv.Value))
	}
	return marshalJSON(object)
}

func jsonValue(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Interface:
		return jsonValue(v.Elem())
	case reflect.Slice: // also of uint8, which JSON would write as base64
		list := make([]any, v.Len())
		for i := range list {
			list[i] = jsonValue(v.Index(i))
		}
		return list
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return v.Interface()
}

// brief writes a value on one line, long ones cut short.
func brief(value any) string {
	const longest, most = 100, 6
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		if len(s) > longest {
			return fmt.Sprintf("%q... (%d bytes)", gguf.Text(s, longest), len(s))
		}
		return strconv.Quote(s)
	case reflect.Slice:
		var items []string
		for i := range min(v.Len(), most) {
			items = append(items, brief(v.Index(i).Interface()))
		}
		if v.Len() > most {
			return fmt.Sprintf("[%s, ...] (%d items)", strings.Join(items, ", "), v.Len())
		}
		return "[" + strings.Join(items, ", ") + "]"
	default:
		return fmt.Sprint(value)
	}
}
