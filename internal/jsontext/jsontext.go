// Package jsontext writes JSON for people and programs. It does not escape < and >. If a value cannot be encoded, it writes
// nothing.
package jsontext

import (
	"bytes"
	"encoding/json"
	"io"
)

// Write writes a value with one item per line, or nothing if it cannot be encoded.
func Write(w io.Writer, value any) error { return encode(w, value, "  ") }

// Marshal is json.Marshal without escaping < and >.
func Marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	err := encode(&b, value, "")
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// encode relies on json.Encoder, which only writes when it has everything.
func encode(w io.Writer, value any, indent string) error {
	e := json.NewEncoder(w)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	return e.Encode(value)
}
