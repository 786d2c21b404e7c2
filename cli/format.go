package cli

import (
	"bytes"
	"encoding/json"
	"io"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/units"
)

func jsonFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "json", Usage: "print JSON", DisableDefaultText: true}
}

// writeJSON writes a report. Its numbers are float.Number, so that JSON can hold all of them. If the value cannot be encoded,
// writeJSON writes nothing.
func writeJSON(w io.Writer, value any) error {
	return encodeJSON(w, value, "  ")
}

// marshalJSON is json.Marshal without escaping < and >.
func marshalJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	err := encodeJSON(&b, value, "")
	return b.Bytes(), err
}

// encodeJSON writes a value whole, or not at all if it cannot be encoded: json.Encoder only writes when it has everything.
func encodeJSON(w io.Writer, value any, indent string) error {
	e := json.NewEncoder(w)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

// bytesText returns a size in words, such as "1.5 GiB".
func bytesText(n int64) string { return units.Bytes(n) }

// counted returns a number with its noun, such as "2 layers".
func counted(n int, thing string) string { return units.Count(n, thing) }

// grouped returns a number with commas.
func grouped(n int64) string { return units.Grouped(n) }
