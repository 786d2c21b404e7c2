// Package golden reads numbers that RWKV's official code computed for a checkpoint: the logits at every position of some prompts,
// and sometimes the state after one of them. The numbers of our own small models (scripts/train) are in testdata. Those of other
// models are in ../shared/testdata next to the project. A test that asks for a missing file is skipped.
//
// A golden file is NAME.golden.json, which lists prompts and arrays, with NAME.golden.bin, float32 little-endian.
//
// Text compares other output of tests with a text file, and rewrites the file if the test runs with -update.
package golden

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// File is one golden file.
type File struct {
	Models  []string          // names of the checkpoints that it applies to, in the same folder
	Prompts map[string]Prompt // by name: "short", "long"
	Layers  int               `json:"n_layer"`
	// GroupNormEps is the epsilon of the norm after the recurrence in that computation, or 0 if there is no such norm.
	GroupNormEps float32 `json:"att_group_norm_eps"`

	Arrays []Array
	Bin    string // name of the file with the numbers
}

// Prompt is the tokens that the numbers were computed from, starting with an empty state.
type Prompt struct {
	Tokens []int32
	Text   string // set if the tokens are a text
}

// Array is one array of numbers, row-major.
type Array struct {
	Name   string
	Shape  []int64 // slowest dimension first
	Offset int64   // in bytes
	Data   []float32
}

// Path returns the path of a file in the test data. Without the file it skips the test.
func Path(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for !exists(filepath.Join(dir, "go.mod")) {
		require.NotEqual(t, filepath.Dir(dir), dir, "no go.mod above the test")
		dir = filepath.Dir(dir)
	}
	if own := filepath.Join(dir, "testdata", name); exists(own) {
		return own
	}
	path := filepath.Join(filepath.Dir(dir), "shared", "testdata", name)
	if !exists(path) {
		t.Skipf("%s is missing", path)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Load reads the golden file with this name, such as "tiny-rwkv-7v0-834K". Without the file it skips the test.
func Load(t testing.TB, name string) *File {
	t.Helper()
	text, err := os.ReadFile(Path(t, name+".golden.json"))
	require.NoError(t, err)
	f := &File{}
	require.NoError(t, json.Unmarshal(text, f))
	data, err := os.ReadFile(Path(t, f.Bin))
	require.NoError(t, err)
	for i := range f.Arrays {
		require.NoError(t, f.Arrays[i].read(data), "%s: array %q", name, f.Arrays[i].Name)
	}
	return f
}

// read extracts the array's numbers from the data of the whole file.
func (a *Array) read(data []byte) error {
	n := int64(1)
	for _, d := range a.Shape {
		if d < 1 || d > math.MaxInt32 || n > math.MaxInt32 {
			return fmt.Errorf("shape %v", a.Shape)
		}
		n *= d
	}
	if a.Offset < 0 || a.Offset > int64(len(data)) || n > (int64(len(data))-a.Offset)/4 {
		return fmt.Errorf("%d numbers at byte %d of %d", n, a.Offset, len(data))
	}
	a.Data = make([]float32, n)
	_, err := binary.Decode(data[a.Offset:], binary.LittleEndian, a.Data)
	return err
}

// array returns the array with this name. Without it the test fails.
func (f *File) array(t testing.TB, name string) Array {
	t.Helper()
	for _, a := range f.Arrays {
		if a.Name == name {
			return a
		}
	}
	require.Failf(t, "no such array", "%q", name)
	return Array{}
}

// Logits returns the logits after each token of a prompt, one row per position.
func (f *File) Logits(t testing.TB, prompt string) [][]float32 {
	t.Helper()
	a := f.array(t, prompt+".logits")
	require.Len(t, a.Shape, 2)
	rows := make([][]float32, a.Shape[0])
	for i := range rows {
		rows[i] = a.Data[int64(i)*a.Shape[1]:][:a.Shape[1]]
	}
	return rows
}

// State returns one tensor of a layer's state after the prompt "long", such as "att_kv".
func (f *File) State(t testing.TB, layer int, name string) []float32 {
	t.Helper()
	return f.array(t, fmt.Sprintf("long.state.L%d.%s", layer, name)).Data
}
