package compare

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// Notes limits the size of a note.
var Notes = infile.Limit{Bytes: 64 << 20, What: "a note"}

// mostNoted is larger than any number in notes. Sizes are in bytes.
const mostNoted = 1e15

// parseMeasured reads the notes of a measured candidate. ok is false if they are incomplete, belong to another name or other
// columns, or hold an impossible number.
func parseMeasured(data []byte, name string, columns []Column) (done Measured, ok bool) {
	var values any
	if json.Unmarshal(data, &values) != nil || !possible(values) {
		return Measured{}, false
	}
	if json.Unmarshal(data, &done) != nil || done.Name != name || len(done.Divergence) != len(columns) {
		return Measured{}, false
	}
	for i, d := range done.Divergence {
		if d.Scored != columns[i].Scored || len(d.Curve) != eval.CurvePoints {
			return Measured{}, false
		}
	}
	return done, true
}

// possible reports whether all numbers in a JSON value are within mostNoted.
func possible(v any) bool {
	switch v := v.(type) {
	case float64:
		return math.Abs(v) <= mostNoted
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !possible(e) })
	case map[string]any:
		for _, e := range v {
			if !possible(e) {
				return false
			}
		}
	}
	return true
}

// remember writes a note for a run that resumes.
func remember(path string, what any) error {
	data, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// resumePositions reads the whole chunks in the notes and moves to their end.
func resumePositions(f *os.File, each, most int) ([]eval.Position, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	all, err := readPositions(f, info.Size(), each, most)
	if err != nil {
		return nil, err
	}
	_, err = f.Seek(int64(binary.Size(all)), io.SeekStart)
	return all, err
}

// readPositions reads the whole chunks in size bytes of notes, at most most of them. A chunk has each positions.
func readPositions(r io.Reader, size int64, each, most int) ([]eval.Position, error) {
	chunk := int64(binary.Size(eval.Position{})) * int64(each)
	all := make([]eval.Position, min(int64(most), size/chunk)*int64(each))
	if err := binary.Read(r, binary.LittleEndian, all); err != nil && len(all) > 0 {
		return nil, err
	}
	for i, p := range all {
		if float.FirstNotFinite([]float32{p.NLL, p.BaseNLL, p.KLD, p.Delta, p.SameTop}) >= 0 {
			return nil, fmt.Errorf("position %d is not a measurement: damaged, remove it", i)
		}
	}
	return all, nil
}
