// Package vectors writes embeddings and other rows of numbers, as JSON or as raw floats.
//
// Limits: rows have finite numbers, because JSON has no others; Normalize rejects those that do not.
package vectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// Format is a format of embeddings.
type Format string

// The formats.
const (
	JSON  Format = "json"  // that of OpenAI's embeddings API
	Array Format = "array" // a JSON array of arrays
	F32   Format = "f32"   // little-endian float32 numbers, [texts][channels]
)

// Known reports whether f is one of the formats.
func (f Format) Known() bool { return slices.Contains([]Format{JSON, Array, F32}, f) }

// errNotFinite is the error of an embedding with infinite numbers or NaN.
var errNotFinite = errors.New("the embedding has numbers that are not finite")

// Normalize scales an embedding to length 1. An embedding of zeros stays. Numbers that are not finite are an error.
func Normalize(e []float32) error {
	length := length(e)
	if !float.Finite(length) {
		return errNotFinite
	}
	if length > 0 {
		for i, x := range e {
			e[i] = float32(float64(x) / length)
		}
	}
	return nil
}

// Check returns an error if an embedding has numbers that are not finite.
func Check(e []float32) error {
	if !float.Finite(length(e)) {
		return errNotFinite
	}
	return nil
}

// length returns the Euclidean length of an embedding. It is finite if all its numbers are.
func length(e []float32) float64 {
	sum := 0.0
	for _, x := range e {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// Writer writes embeddings one at a time, because all of them may not fit into memory. A Writer belongs to one goroutine.
type Writer struct {
	out    io.Writer
	format Format
	model  string
	n      int // embeddings written
}

// New returns a Writer of a known format. JSON names the model.
func New(out io.Writer, format Format, model string) *Writer {
	return &Writer{out: out, format: format, model: model}
}

// item is an embedding in the format of OpenAI's API.
type item struct {
	Object    string    `json:"object"`
	Index     int       `json:"index"`
	Embedding []float32 `json:"embedding"`
}

// Add writes the next embedding, [channels].
func (w *Writer) Add(e []float32) error {
	var value any = e
	switch w.format {
	case F32:
		return WriteF32(w.out, e)
	case JSON:
		value = item{"embedding", w.n, e}
	}
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "%s\n%s", w.lead(), line)
	w.n++
	return err
}

// lead returns what stands before the next line.
func (w *Writer) lead() string {
	switch {
	case w.n > 0:
		return ","
	case w.format == JSON:
		return `{"object": "list", "data": [`
	default:
		return "["
	}
}

// End writes what follows the last embedding. JSON tells the number of tokens that were read.
func (w *Writer) End(tokens int) error {
	if w.format == F32 {
		return nil
	}
	if w.n == 0 {
		if _, err := io.WriteString(w.out, w.lead()); err != nil {
			return err
		}
	}
	end := "]"
	if w.format == JSON {
		name, err := json.Marshal(w.model)
		if err != nil {
			return err
		}
		end = fmt.Sprintf(`], "model": %s, "usage": {"prompt_tokens": %d, "total_tokens": %d}}`, name, tokens, tokens)
	}
	_, err := fmt.Fprintf(w.out, "\n%s\n", end)
	return err
}

// WriteF32 writes a row of numbers as little-endian float32.
func WriteF32(w io.Writer, row []float32) error {
	data := make([]byte, 4*len(row))
	float.EncodeF32(data, row)
	_, err := w.Write(data)
	return err
}
