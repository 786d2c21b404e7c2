package rwkvcpp

import (
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// good is a file that reads.
func good() []byte {
	return fileOf(101, 2, 2, 1, stored{"emb.weight", []int64{2, 2}, 0, f32s(1, 2, 3, 4)}, stored{"blocks.0.ln1.weight", []int64{2}, 0, f32s(1, 1)})
}

// put changes a number of a good file.
func put(at int, x uint32) []byte {
	b := good()
	binary.LittleEndian.PutUint32(b[at:], x)
	return b
}

func TestDamagedFiles(t *testing.T) {
	_, err := read(good())
	require.NoError(t, err)
	ln := stored{"blocks.0.ln1.weight", []int64{2}, 0, f32s(1, 1)}
	for name, tc := range map[string]struct {
		data []byte
		what string
	}{
		"nothing but the magic":        {[]byte(Magic), "has 4 bytes, its header alone takes 24"},
		"another magic":                {put(0, 1), "no model of rwkv.cpp"},
		"a version to come":            {put(4, 102), "version 102, want 100 or 101"},
		"no tokens":                    {put(8, 0), "counts 0 tokens"},
		"channels below zero":          {put(12, math.MaxUint32), "-1 channels"},
		"an unknown type of the model": {put(20, 99), "byte 20 has data type 99"},
		"a removed type of the model":  {put(20, 4), "Q4_1_O, which rwkv.cpp removed in 2023"},
		"no dimensions":                {put(24, 0), "byte 24 has 0 dimensions"},
		"many dimensions":              {put(24, math.MaxUint32), "has 4294967295 dimensions"},
		"a name without end":           {put(28, math.MaxUint32), "name of 4294967295 bytes"},
		"an empty name":                {put(28, 0), "name of 0 bytes"},
		"a type to come":               {put(32, 17), `("emb.weight") has data type 17`},
		"a removed type":               {put(32, 5), "Q4_2, which rwkv.cpp removed"},
		"a type for computing only":    {put(32, 10), "Q8_1, which is not read in version 101"},
		"a dimension below zero":       {put(36, math.MaxUint32), "has -1 for dimension 0"},
		"a huge dimension":             {put(40, math.MaxInt32), "takes 17179869176 bytes from byte 54 on, 59 are left"},
		"rows that are no blocks":      {put(32, 2), "rows of 2 elements, not whole blocks of Q4_0"},
		"other counts of tokens":       {put(8, 3), "the header says 3 tokens of 2 channels"},
		"layers that are missing":      {put(16, 2), "has 1 layers, but the header says 2"},
		"cut short":                    {good()[:len(good())-1], "takes 8 bytes"},
		"bytes after the last tensor":  {append(good(), 0, 0), "2 are left: cut short, or bytes that belong to nothing"},
		"two of one name":              {fileOf(101, 2, 2, 1, ln, ln), `is called "blocks.0.ln1.weight", as one before it is`},
		"a name that is no text":       {fileOf(101, 2, 2, 1, stored{"\xff", []int64{1}, 0, f32s(1)}), "which is not text"},
		"a stack of five":              {fileOf(101, 2, 2, 1, ln, stored{"blocks.0.att.x_rwkvag", []int64{5}, 0, f32s(1, 2, 3, 4, 5)}), "5 elements, want six vectors"},
		"a vector beside the stack": {fileOf(101, 2, 2, 1, ln, stored{"blocks.0.att.x_rwkvag", []int64{6}, 0, f32s(1, 2, 3, 4, 5, 6)},
			stored{"blocks.0.att.x_k", []int64{1}, 0, f32s(1)}), `"blocks.0.att.x_k" twice`},
		"a low rank that is a vector": {fileOf(101, 2, 2, 1, ln, stored{"blocks.0.att.k_k", []int64{1}, 0, f32s(1)},
			stored{"blocks.0.att.w1", []int64{1}, 0, f32s(1)}), `"blocks.0.att.w1" at byte`},
		"a type before its time": {fileOf(100, 2, 2, 1, stored{"w", []int64{1, 256}, 13, make([]byte, 144)}), "Q4_K, which is not read in version 100"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(tc.data)
			assert.ErrorContains(t, err, tc.what)
		})
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.bin")
	require.NoError(t, os.WriteFile(path, good(), 0o600))
	f, err := checkpoint.Open(path, Read)
	require.NoError(t, err)
	assert.Equal(t, "rwkv.cpp model, version 101", f.Format)
	require.NoError(t, f.Close())
	require.NoError(t, os.WriteFile(path, good()[:30], 0o600))
	_, err = checkpoint.Open(path, Read)
	assert.ErrorContains(t, err, path)
	_, err = checkpoint.Open(path+"x", Read)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// FuzzRead reads whole files: what is accepted can be read to its last byte, or says why not.
func FuzzRead(f *testing.F) {
	f.Add(good())
	for _, kind := range []string{"4", "5.0", "5.2", "6", "7"} {
		f.Add(convertAll(f, model(kind), kind == "5.2"))
	}
	f.Add(fileOf(100, 1, 1, 1, stored{"blocks.0.ln1.weight", []int64{1}, 0, f32s(1)}, stored{"w", []int64{2, 32}, 2, make([]byte, 40)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		file, err := read(data)
		if err != nil {
			return
		}
		for _, tensor := range file.Tensors {
			size := tensor.Elements() * tensor.DType.Size()
			require.LessOrEqual(t, size, int64(8*len(data)), "no more than four bytes for half a byte")
			got, err := io.ReadAll(io.NewSectionReader(tensor.Data, 0, size+1))
			if err == nil {
				require.Len(t, got, int(size))
			} else {
				require.ErrorContains(t, err, "the file is damaged")
			}
		}
	})
}
