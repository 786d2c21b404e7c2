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

// writeJSON writes a report. Its numbers are float.Number, which JSON can always hold. Nothing is written of a value that
// cannot be encoded.
func writeJSON(w io.Writer, value any) error {
	return encodeJSON(w, value, "  ")
}

// marshalJSON is json.Marshal, which leaves < and > as they are.
func marshalJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	err := encodeJSON(&b, value, "")
	return b.Bytes(), err
}

// encodeJSON writes a value whole or, if it cannot be encoded, not at all: json.Encoder writes once it has all of it.
func encodeJSON(w io.Writer, value any, indent string) error {
	e := json.NewEncoder(w)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

// bytesText writes a size.
func bytesText(n int64) string { return units.Bytes(n) }

// counted writes a number of things.
func counted(n int, thing string) string { return units.Count(n, thing) }

// grouped writes a number with commas.
func grouped(n int64) string { return units.Grouped(n) }
