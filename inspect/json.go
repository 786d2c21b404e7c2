package inspect

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
)

// WriteJSON writes the listing as JSON. It writes the metadata value by value, because they may be as large as a header.
func (l *Listing) WriteJSON(w io.Writer) error {
	var rest bytes.Buffer
	if err := jsontext.Write(&rest, l); err != nil {
		return err
	}
	const next = "\n  \"tensors\": " // texts cannot hold this, because they have no line ends
	before, after, _ := bytes.Cut(rest.Bytes(), []byte(next))
	if _, err := fmt.Fprintf(w, "%s\n  \"metadata\": ", before); err != nil {
		return err
	}
	if err := writeMetadata(w, l.Metadata, "\n  "); err != nil {
		return err
	}
	if _, err := io.WriteString(w, ","+next); err != nil {
		return err
	}
	_, err := w.Write(after)
	return err
}

// writeMetadata writes an object with its keys in order. indent is a line end and the object's indentation.
func writeMetadata(w io.Writer, keys []gguf.KV, indent string) error {
	sorted := slices.SortedStableFunc(slices.Values(keys), func(a, b gguf.KV) int { return strings.Compare(a.Key, b.Key) })
	return writeItems(w, "{}", indent, len(sorted), func(i int) error {
		name, err := jsontext.Marshal(sorted[i].Key)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s: ", name); err != nil {
			return err
		}
		return writeValue(w, reflect.ValueOf(sorted[i].Value), indent+"  ")
	})
}

// writeItems writes the items of a list or an object in brackets, one item per line.
func writeItems(w io.Writer, brackets, indent string, n int, write func(i int) error) error {
	if n == 0 {
		_, err := io.WriteString(w, brackets)
		return err
	}
	lead := brackets[:1] + indent + "  "
	for i := range n {
		if _, err := io.WriteString(w, lead); err != nil {
			return err
		}
		if err := write(i); err != nil {
			return err
		}
		lead = "," + indent + "  "
	}
	_, err := io.WriteString(w, indent+brackets[1:])
	return err
}

// writeValue writes a value of metadata. It writes numbers that JSON lacks as strings.
func writeValue(w io.Writer, v reflect.Value, indent string) error {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	var buf [24]byte
	text := buf[:0]
	switch v.Kind() {
	case reflect.Slice: // also of uint8, which JSON would write as base64
		return writeItems(w, "[]", indent, v.Len(), func(i int) error { return writeValue(w, v.Index(i), indent+"  ") })
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		text = strconv.AppendInt(text, v.Int(), 10)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		text = strconv.AppendUint(text, v.Uint(), 10)
	default:
		value := v.Interface()
		if v.CanFloat() && !float.Finite(v.Float()) {
			value = strconv.FormatFloat(v.Float(), 'g', -1, 64)
		}
		data, err := jsontext.Marshal(value)
		if err != nil {
			return err
		}
		text = data
	}
	_, err := w.Write(text)
	return err
}

// Brief returns a value of metadata on one line. It shortens long values.
func Brief(value any) string {
	const longest, most = 100, 6
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		if len(s) > longest {
			return fmt.Sprintf("%q... (%d bytes)", gguf.Text(excerpt.Cut(s, 4*longest), longest), len(s))
		}
		return strconv.Quote(s)
	case reflect.Slice:
		var items []string
		for i := range min(v.Len(), most) {
			items = append(items, Brief(v.Index(i).Interface()))
		}
		if v.Len() > most {
			return fmt.Sprintf("[%s, ...] (%d items)", strings.Join(items, ", "), v.Len())
		}
		return "[" + strings.Join(items, ", ") + "]"
	default:
		return fmt.Sprint(value)
	}
}
