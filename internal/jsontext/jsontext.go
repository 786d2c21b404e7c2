// Package jsontext writes JSON for people and programs: < and > are not escaped, and a value that cannot be encoded writes nothing.
package jsontext

import (
	"bytes"
	"encoding/json"
	"io"
)

// Write writes a value with a line for each item, or nothing if it cannot be encoded.
func Write(w io.Writer, value any) error { return encode(w, value, "  ") }

// Marshal is json.Marshal without escaping < and >.
func Marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	err := encode(&b, value, "")
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// encode relies on json.Encoder, which writes only once it has everything.
func encode(w io.Writer, value any, indent string) error {
	e := json.NewEncoder(w)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	return e.Encode(value)
}
