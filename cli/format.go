package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	urfave "github.com/urfave/cli/v2"

	"gosling/internal/excerpt"
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

// bytesText writes a size in GiB, or MiB or KiB where it is small.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%d B", n)
	}
}

// printable keeps a name of the file from playing with the terminal.
func printable(name string) string {
	quoted := strconv.Quote(name)
	if quoted == `"`+name+`"` {
		return name
	}
	return quoted
}

// shortened is printable for a name of any length, which is cut to what a line shows.
func shortened(name string) string {
	const longest = 200
	if len(name) > longest {
		return strconv.Quote(excerpt.Cut(name, longest)) + "..."
	}
	return printable(name)
}

// grouped writes a number with commas.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
