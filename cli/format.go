package cli

import (
	"io"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/units"
)

func jsonFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "json", Usage: "print JSON", DisableDefaultText: true}
}

// writeJSON writes a report. Its numbers are float.Number, so that JSON can hold all of them. If the value cannot be encoded,
// writeJSON writes nothing.
func writeJSON(w io.Writer, value any) error {
	return jsontext.Write(w, value)
}

// bytesText returns a size in words, such as "1.5 GiB".
func bytesText(n int64) string { return units.Bytes(n) }

// counted returns a number with its noun, such as "2 layers".
func counted(n int, thing string) string { return units.Count(n, thing) }

// grouped returns a number with commas.
func grouped(n int64) string { return units.Grouped(n) }
