package imatrix_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
)

// dat builds a file in llama.cpp's old format.
type dat struct{ bytes.Buffer }

func (d *dat) int(n int32) *dat {
	d.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
	return d
}

func (d *dat) text(s string) *dat {
	d.int(int32(len(s))).WriteString(s)
	return d
}

func (d *dat) entry(name string, chunks int32, sums ...float32) *dat {
	d.text(name).int(chunks).int(int32(len(sums)))
	for _, x := range sums {
		d.int(int32(math.Float32bits(x)))
	}
	return d
}

// save writes the file.
func (d *dat) save(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "imatrix.dat")
	require.NoError(t, os.WriteFile(path, d.Bytes(), 0o600))
	return path
}

// ended returns a file with two entries and the end that llama-imatrix writes.
func ended() *dat {
	d := &dat{}
	return d.int(2).entry("blk.1.time_mix_key.weight", 4, 2, 8).entry("blk.0.time_mix_key.weight", 3, 1, 0.5, 9).int(4).text("calibration.txt")
}

func TestTheOldFormatIsRead(t *testing.T) {
	m, err := imatrix.Read(ended().save(t))
	require.NoError(t, err)
	assert.Equal(t, []string{"calibration.txt"}, m.Datasets)
	assert.Equal(t, 4, m.Chunks)
	assert.Equal(t, 512, m.ChunkSize)
	require.Len(t, m.Entries, 2)
	for name, want := range map[string][]float32{"blk.0.time_mix_key.weight": {1.0 / 3, 0.5 / 3, 3}, "blk.1.time_mix_key.weight": {0.5, 2}} {
		got, ok := m.Weights(name)
		require.True(t, ok)
		assert.Equal(t, want, got, "means of squares, as llama-quantize takes them")
	}

	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, m.Write(path, false))
	again, err := imatrix.Read(path)
	require.NoError(t, err)
	assert.Equal(t, m, again)
}

func TestTheOldestFilesEndWithTheEntries(t *testing.T) {
	d := &dat{}
	m, err := imatrix.Read(d.int(1).entry("a", 3, 1).save(t))
	require.NoError(t, err)
	assert.Equal(t, 3, m.Chunks)
	assert.Empty(t, m.Datasets)
	d = &dat{}
	m, err = imatrix.Read(d.int(1).entry("a", 3, 1).int(7).save(t))
	require.NoError(t, err)
	assert.Equal(t, 7, m.Chunks)
}

func TestOldFilesThatAreDamagedAreRefused(t *testing.T) {
	start := func(n int32) *dat { d := &dat{}; return d.int(n) }
	for name, tc := range map[string]struct {
		file *dat
		want string
	}{
		"no entries":                    {start(0), "begins with zeros only"},
		"a number of entries below 0":   {start(-5), "is not an importance matrix"},
		"some text":                     {(&dat{*bytes.NewBufferString("hello, world")}), "is not an importance matrix"},
		"a name without end":            {start(1).int(1 << 30), "is not an importance matrix"},
		"an entry missing":              {start(2).entry("a", 1, 1), "entry 2 of 2: 0 bytes are left: cut short"},
		"a name that is none":           {start(2).entry("a", 1, 1).entry("b\x00", 1, 1), `entry 2 of 2: "b\x00" is not the name of a tensor`},
		"more channels than bytes":      {start(2).entry("a", 1, 1).text("b").int(1).int(1 << 30).int(0), "has 1073741824 channels, but only 4 bytes are left"},
		"a number of chunks below 0":    {start(2).entry("a", 1, 1).entry("b", -1, 1), "-1 chunks of 1 channels"},
		"the first square below 0":      {start(1).entry("a", 1, -1), `entry 1 of 1: tensor "a": element 0 is -1`},
		"no channels":                   {start(2).entry("a", 1, 1).entry("b", 1), "1 chunks of 0 channels"},
		"a square below 0":              {start(2).entry("a", 1, 1).entry("b", 1, 1, -1), "element 1 is -1"},
		"no number":                     {start(2).entry("a", 1, 1).entry("b", 1, float32(math.NaN())), "element 0 is NaN"},
		"a tensor twice":                {start(2).entry("a", 1, 1).entry("a", 1, 1), `tensor "a" appears twice`},
		"a text that is cut short":      {start(1).entry("a", 1, 1).int(1).int(9), "the name of the text at the end: a text of 9 bytes, but only 0 bytes are left"},
		"chunks of the whole, below 0":  {start(1).entry("a", 1, 1).int(-1), "-1 chunks: damaged"},
		"chunks of the whole, cut off":  {&dat{*bytes.NewBuffer(append(start(1).entry("a", 1, 1).Bytes(), 1, 2))}, "the number of chunks at the end"},
		"a name that does not end":      {start(1).int(1 << 20), "is not an importance matrix"},
		"a pointer in place of it":      {&dat{*bytes.NewBufferString("version https://git-lfs.github.com/spec/v1\noid")}, "is a Git LFS pointer, not the importance matrix itself"},
		"a web page in place of it":     {&dat{*bytes.NewBufferString("<!DOCTYPE html>")}, "is a web page or XML, not the importance matrix"},
		"nothing":                       {&dat{}, "is empty"},
		"a GGUF file that is cut short": {&dat{*bytes.NewBufferString("GGUF")}, "wants 4 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			path := tc.file.save(t)
			_, err := imatrix.Read(path)
			require.ErrorContains(t, err, path+": ")
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

// llama-imatrix also writes the sums of the channels, which help to judge a text.
func TestSumsOfTheChannelsAreLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	h := gguf.Header{Keys: []gguf.KV{
		{Key: "general.type", Value: "imatrix"}, {Key: "imatrix.datasets", Value: []string{"t"}},
		{Key: "imatrix.chunk_count", Value: uint32(1)}, {Key: "imatrix.chunk_size", Value: uint32(8)},
	}}
	for _, suffix := range []string{".in_sum2", ".counts", ".in_sum"} {
		h.Tensors = append(h.Tensors, gguf.Tensor{Name: "a" + suffix, Type: gguf.F32, Shape: []int64{1}})
	}
	w, err := gguf.NewWriter(f, h)
	require.NoError(t, err)
	for i := range h.Tensors {
		require.NoError(t, w.WriteAt(i, []byte{0, 0, 0x80, 0x3f}, 0))
	}
	require.NoError(t, w.Close())
	m, err := imatrix.Read(path)
	require.NoError(t, err)
	require.Len(t, m.Entries, 1)
	assert.Equal(t, "a", m.Entries[0].Name)
}

// FuzzLegacy checks that what is read can be written and read again.
func FuzzLegacy(f *testing.F) {
	f.Add(ended().Bytes())
	f.Add(ended().Bytes()[:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "m.dat")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		m, err := imatrix.Read(path)
		if err != nil {
			return
		}
		for _, e := range m.Entries {
			w, ok := m.Weights(e.Name)
			require.True(t, ok)
			require.LessOrEqual(t, 4*len(w), len(data))
		}
		if out := filepath.Join(t.TempDir(), "m.gguf"); m.Write(out, false) == nil {
			again, err := imatrix.Read(out)
			require.NoError(t, err)
			require.Len(t, again.Entries, len(m.Entries))
		}
	})
}
