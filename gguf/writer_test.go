package gguf

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewWriterRefuses(t *testing.T) {
	one := func(t Tensor) Header { return Header{Tensors: []Tensor{t}} }
	keys := func(kv ...KV) Header { return Header{Keys: kv} }
	nested := []any{[]int32{}}
	for range maxNesting {
		nested = []any{nested}
	}
	for name, tc := range map[string]struct {
		header Header
		want   string
	}{
		"an empty key":                        {keys(KV{"", true}), `key "" has a name of 0 bytes`},
		"a key that is too long":              {keys(KV{strings.Repeat("k", 65536), true}), "has a name of 65536 bytes"},
		"a key twice":                         {keys(KV{"k", true}, KV{"k", true}), `key "k" is there twice`},
		"a value of Go's int":                 {keys(KV{"k", 1}), `key "k" holds a int, which GGUF has no type for`},
		"no value":                            {keys(KV{"k", nil}), `key "k" holds a <nil>`},
		"an array that is none":               {keys(KV{"k", []any{1}}), `key "k" holds a int`},
		"arrays nested too deep":              {keys(KV{"k", nested}), "nests arrays more than 8 deep"},
		"an alignment key of another type":    {keys(KV{alignmentKey, 32}), "holds a int, want a uint32"},
		"an alignment of 48":                  {Header{Alignment: 48}, "is 48, want a power of two"},
		"an alignment below 0":                {Header{Alignment: -32}, "alignment is -32"},
		"an alignment of 2^32":                {Header{Alignment: 1 << 32}, "alignment is 4294967296"},
		"two alignments":                      {Header{Keys: []KV{{alignmentKey, uint32(64)}}, Alignment: 32}, "is 64, the header asks for 32"},
		"a tensor without a name":             {one(Tensor{Shape: []int64{1}}), `tensor "" has a name of 0 bytes, want 1 to 63`},
		"a tensor whose name is too long":     {one(Tensor{Name: strings.Repeat("n", 64), Shape: []int64{1}}), "has a name of 64 bytes"},
		"two tensors of one name":             {Header{Tensors: []Tensor{{Name: "t", Shape: []int64{1}}, {Name: "t", Shape: []int64{1}}}}, `tensor "t" is there twice`},
		"a tensor without a shape":            {one(Tensor{Name: "t"}), `tensor "t" has 0 dimensions`},
		"a tensor of an unknown type":         {one(Tensor{Name: "t", Type: 4, Shape: []int64{1}}), `tensor "t" tensor type 4 is unknown`},
		"a tensor of half a block":            {one(Tensor{Name: "t", Type: Q8_0, Shape: []int64{16}}), "not a multiple of Q8_0's block of 32"},
		"a tensor that is too large":          {one(Tensor{Name: "t", Type: F64, Shape: []int64{1 << 62}}), "63 bits"},
		"tensors that are too large together": {Header{Tensors: []Tensor{{Name: "a", Shape: []int64{1 << 59}}, {Name: "b", Shape: []int64{1 << 59}}, {Name: "c", Shape: []int64{1 << 59}}}}, "larger than any file"},
	} {
		t.Run(name, func(t *testing.T) {
			out := memory{}
			_, err := NewWriter(&out, tc.header)
			require.ErrorContains(t, err, tc.want)
			assert.Empty(t, out.bytes)
		})
	}
}

func TestAnUnusualAlignmentIsAddedToTheKeys(t *testing.T) {
	keys := make([]KV, 1, 8)
	keys[0] = KV{"k", true}
	out := memory{}
	_, err := NewWriter(&out, Header{Keys: keys, Alignment: 4096})
	require.NoError(t, err)
	f := open(t, out.bytes)
	assert.Equal(t, int64(4096), f.Alignment())
	assert.Equal(t, []KV{{"k", true}, {alignmentKey, uint32(4096)}}, f.Keys())
	assert.Zero(t, keys[:2][1], "the caller's slice stays as it is")
}

// largest is an io.WriterAt that remembers its largest piece.
type largest int

func (l *largest) WriteAt(p []byte, off int64) (int, error) {
	*l = max(*l, largest(len(p)))
	return len(p), nil
}

func TestAHugeAlignmentIsPaddedInPieces(t *testing.T) {
	var out largest
	w, err := NewWriter(&out, Header{Tensors: []Tensor{{Name: "t", Type: I8, Shape: []int64{1}}}, Alignment: 1 << 31})
	require.NoError(t, err)
	require.NoError(t, w.WriteAt(0, []byte{1}, 0))
	require.NoError(t, w.Close())
	assert.Equal(t, int64(2<<31), w.Size())
	assert.LessOrEqual(t, int(out), 1<<16)
}

func TestLongPaddingIsZeroThroughout(t *testing.T) {
	out := memory{}
	w, err := NewWriter(&out, Header{Tensors: []Tensor{{Name: "t", Type: I8, Shape: []int64{1}}}, Alignment: 1 << 18})
	require.NoError(t, err)
	require.NoError(t, w.WriteAt(0, []byte{1}, 0))
	require.NoError(t, w.Close())
	require.Len(t, out.bytes, 2<<18)
	assert.Empty(t, Check(save(t, out.bytes)))
}

func TestAFileWithoutTensorsEndsWithItsHeader(t *testing.T) {
	out := memory{}
	w, err := NewWriter(&out, Header{Alignment: 1 << 31})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	assert.Len(t, out.bytes, int(w.Size()))
	assert.Empty(t, Check(save(t, out.bytes)))
}

func twoTensors() Header {
	return Header{Tensors: []Tensor{{Name: "a", Type: I8, Shape: []int64{10}}, {Name: "b", Type: F32, Shape: []int64{2, 3}}}}
}

func TestCloseNamesTheFirstTensorThatIsNotWhole(t *testing.T) {
	w, err := NewWriter(&memory{}, twoTensors())
	require.NoError(t, err)
	assert.EqualError(t, w.Close(), `tensor "a": byte 0 of 10 was never written`)
	require.NoError(t, w.WriteAt(0, make([]byte, 4), 0))
	require.NoError(t, w.WriteAt(0, make([]byte, 4), 6))
	assert.EqualError(t, w.Close(), `tensor "a": byte 4 of 10 was never written`)
	require.NoError(t, w.WriteAt(0, make([]byte, 4), 0), "again the same bytes, which must not count twice")
	assert.EqualError(t, w.Close(), `tensor "a": byte 4 of 10 was never written`)
	require.NoError(t, w.WriteAt(0, make([]byte, 3), 3))
	require.NoError(t, w.WriteAt(1, make([]byte, 23), 0))
	assert.EqualError(t, w.Close(), `tensor "b": byte 23 of 24 was never written`)
	require.NoError(t, w.WriteAt(1, make([]byte, 1), 23))
	assert.NoError(t, w.Close())
}

func TestPiecesOutsideATensorAreRefused(t *testing.T) {
	w, err := NewWriter(&memory{}, twoTensors())
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		i, n int
		off  int64
		want string
	}{
		"a byte too many":        {0, 11, 0, `tensor "a" has 10 bytes, 11 written at 0 do not fit`},
		"a byte after the end":   {0, 1, 10, "1 written at 10 do not fit"},
		"bytes before the start": {1, 1, -1, "1 written at -1 do not fit"},
		"an offset that wraps":   {1, 8, 1<<63 - 4, "do not fit"},
		"a tensor too many":      {2, 1, 0, "tensor 2 of a file of 2"},
		"a tensor below 0":       {-1, 1, 0, "tensor -1 of a file of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, w.WriteAt(tc.i, make([]byte, tc.n), tc.off), tc.want)
		})
	}
	assert.ErrorContains(t, w.Close(), "byte 0 of 10 was never written")
}

var errDisk = errors.New("disk full")

// full is an io.WriterAt that fails from an offset on.
type full int64

func (f full) WriteAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > int64(f) {
		return 0, errDisk
	}
	return len(p), nil
}

func TestErrorsOfTheDiskComeThrough(t *testing.T) {
	_, err := NewWriter(full(10), twoTensors())
	require.ErrorIs(t, err, errDisk)

	w, err := NewWriter(full(128), twoTensors()) // room for the header alone
	require.NoError(t, err)
	require.Equal(t, int64(128), w.Tensors()[0].Offset)
	err = w.WriteAt(0, make([]byte, 10), 0)
	require.ErrorIs(t, err, errDisk)
	assert.ErrorContains(t, err, `tensor "a"`)
	assert.ErrorContains(t, w.Close(), "never written", "what was not written does not count")

	w, err = NewWriter(full(128+32+24), twoTensors()) // room for all but the last padding
	require.NoError(t, err)
	require.NoError(t, w.WriteAt(0, make([]byte, 10), 0))
	require.NoError(t, w.WriteAt(1, make([]byte, 24), 0))
	err = w.Close()
	require.ErrorIs(t, err, errDisk)
	assert.ErrorContains(t, err, `padding after tensor "b"`)
}

func TestManyGoroutinesWriteOneFile(t *testing.T) {
	var h Header
	for i := range 8 {
		h.Tensors = append(h.Tensors, Tensor{Name: fmt.Sprint(i), Type: I16, Shape: []int64{int64(1000 + i), 3}})
	}
	path := save(t, nil)
	out, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer out.Close()
	w, err := NewWriter(out, h)
	require.NoError(t, err)

	var all sync.WaitGroup
	errs := make([]error, len(h.Tensors))
	for i, tensor := range w.Tensors() {
		all.Go(func() {
			data := content(i, tensor.Size)
			for _, piece := range rand.Perm(int(tensor.Size)/100 + 1) {
				from := 100 * piece
				errs[i] = errors.Join(errs[i], w.WriteAt(i, data[from:min(from+100, len(data))], int64(from)))
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	require.NoError(t, w.Close())
	require.Empty(t, Check(path))
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	for i, tensor := range f.Tensors() {
		assert.Equal(t, content(i, tensor.Size), f.Data(tensor))
	}
}

// content is what tensor i of a test holds.
func content(i int, size int64) []byte {
	b := make([]byte, size)
	for j := range b {
		b[j] = byte(i + j)
	}
	return b
}

func TestSpansAreSetsOfBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var s spans
		var model [64]bool
		for range 12 {
			start := random.Int64N(64)
			end := min(64, start+random.Int64N(20))
			s = s.add(start, end)
			for i := start; i < end; i++ {
				model[i] = true
			}
			var got [64]bool
			for i, r := range s {
				require.Less(t, r[0], r[1])
				require.True(t, i == 0 || s[i-1][1] < r[0], s)
				for j := r[0]; j < r[1]; j++ {
					got[j] = true
				}
			}
			require.Equal(t, model, got, s)
			gap, ok := s.gap(64)
			for i := range gap {
				require.True(t, model[i])
			}
			require.Equal(t, ok, gap < 64)
			require.False(t, ok && model[gap])
		}
	}
}
