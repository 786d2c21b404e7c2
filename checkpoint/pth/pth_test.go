package pth

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

func TestLayouts(t *testing.T) {
	for name, tc := range map[string]struct {
		pickle []byte
		want   []float32
	}{
		"elements in a row":                    {one("FloatStorage", 12, 0, []int64{3, 4}, []int64{4, 1}), []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		"a slice of a storage":                 {one("FloatStorage", 12, 5, []int64{2, 3}, []int64{3, 1}), []float32{5, 6, 7, 8, 9, 10}},
		"a transposed storage":                 {one("FloatStorage", 12, 0, []int64{4, 3}, []int64{1, 4}), []float32{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}},
		"columns of a wider matrix":            {one("FloatStorage", 12, 1, []int64{3, 2}, []int64{4, 1}), []float32{1, 2, 5, 6, 9, 10}},
		"every third element":                  {one("FloatStorage", 12, 2, []int64{4}, []int64{3}), []float32{2, 5, 8, 11}},
		"one element over and over":            {one("FloatStorage", 12, 7, []int64{2, 2}, []int64{0, 0}), []float32{7, 7, 7, 7}},
		"dimensions of one with any stride":    {one("FloatStorage", 12, 3, []int64{1, 1, 2}, []int64{999, 77, 1}), []float32{3, 4}},
		"a scalar":                             {one("FloatStorage", 12, 6, nil, nil), []float32{6}},
		"no elements at all":                   {one("FloatStorage", 12, 12, []int64{0, 4}, []int64{4, 1}), []float32{}},
		"three dimensions, the middle fastest": {one("FloatStorage", 12, 0, []int64{2, 3, 2}, []int64{6, 1, 3}), []float32{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := read(checkpointOf(t, tc.pickle, f32s(12)))
			require.NoError(t, err)
			assert.Equal(t, tc.want, floats(t, f, "w"))
		})
	}
}

func TestElementsInARowAreNotGathered(t *testing.T) {
	f, err := read(checkpointOf(t, one("FloatStorage", 12, 3, []int64{1, 2, 1, 3}, []int64{999, 3, 77, 1}), f32s(12)))
	require.NoError(t, err)
	assert.IsType(t, &io.SectionReader{}, f.Tensors[0].Data)
	assert.Equal(t, []float32{3, 4, 5, 6, 7, 8}, floats(t, f, "w"))
}

func TestBigEndianElementsAreSwapped(t *testing.T) {
	bigEndian := []byte{0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0} // 1, -2
	file := archiveOf(t,
		member{name: "a/b/data.pkl", data: one("FloatStorage", 2, 0, []int64{2}, []int64{1})},
		member{name: "a/b/byteorder", data: []byte("big")},
		member{name: "a/b/data/0", data: bigEndian})
	f, err := read(file)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, -2}, floats(t, f, "w"))
}

func TestElementTypes(t *testing.T) {
	half := []byte{0x00, 0x3c, 0x01, 0x00} // 1 and the smallest subnormal
	f, err := read(checkpointOf(t, one("HalfStorage", 2, 0, []int64{2}, []int64{1}), half))
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 0x1p-24}, floats(t, f, "w"))

	f, err = read(checkpointOf(t, one("BFloat16Storage", 1, 0, []int64{1}, []int64{1}), []byte{0xc0, 0x3f}))
	require.NoError(t, err)
	assert.Equal(t, []float32{1.5}, floats(t, f, "w"))

	f, err = read(checkpointOf(t, one("CharStorage", 2, 0, []int64{2}, []int64{1}), []byte{1, 2}))
	require.NoError(t, err)
	assert.Equal(t, checkpoint.I8, f.Tensors[0].DType)
	err = f.Tensors[0].ReadFloats(make([]float32, 2), 0)
	assert.ErrorContains(t, err, `tensor "w" holds I8`)
}

func TestStateDicts(t *testing.T) {
	tensor := func(p *program, name string) { p.tensor(name, "FloatStorage", "0", 4, 0, []int64{4}, []int64{1}) }
	for name, tc := range map[string]struct {
		build         func(p *program)
		names, others []string
	}{
		"entries that are no tensors are listed apart": {
			func(p *program) {
				tensor(p, "w")
				p.text("_strategy")
				p.text("cpu fp32")
				p.text("step")
				p.int(-70000)
			},
			[]string{"w"}, []string{"_strategy", "step"},
		},
		"a state dict within a dict is found": {
			func(p *program) {
				p.text("epoch")
				p.int(3)
				p.text("state_dict")
				p.op('}', '(')
				tensor(p, "w")
				p.op('u')
			},
			[]string{"w"}, []string{"epoch"},
		},
		"attributes of the dict are dropped": {
			func(p *program) {
				tensor(p, "w")
				p.op('u', '}', '(')
				p.text("_metadata")
				p.emptyDict()
				p.op('u', 'b', '(')
			},
			[]string{"w"}, nil,
		},
		"one tensor under two names": {
			func(p *program) {
				tensor(p, "a")
				p.op('q', 9)
				p.text("b")
				p.op('h', 9)
			},
			[]string{"a", "b"}, nil,
		},
		"a parameter is its tensor": {
			func(p *program) {
				p.text("w")
				p.global("torch._utils", "_rebuild_parameter")
				p.view("FloatStorage", "0", 4, 0, []int64{4}, []int64{1})
				p.op(0x88)
				p.emptyDict()
				p.op(0x87, 'R')
			},
			[]string{"w"}, nil,
		},
		"tensors of mere bytes name their type themselves": {
			func(p *program) {
				p.text("w")
				p.global("torch._utils", "_rebuild_tensor_v3")
				p.op('(', '(')
				p.text("storage")
				p.global("torch.storage", "UntypedStorage")
				p.text("0")
				p.text("cpu")
				p.int(16)
				p.op('t', 'Q')
				p.int(0)
				p.ints([]int64{4})
				p.ints([]int64{1})
				p.op(0x89)
				p.emptyDict()
				p.global("torch", "float32")
				p.op('t', 'R')
			},
			[]string{"w"}, nil,
		},
		"protocol 4 instructions": {
			func(p *program) {
				p.op(0x95, 9, 9, 9, 9, 9, 9, 9, 9, 0x8c, 1, 'w', 0x94)
				p.op(0x8c, 12)
				p.op([]byte("torch._utils")...)
				p.op('U', 18)
				p.op([]byte("_rebuild_tensor_v2")...)
				p.op(0x93, '(')
				p.storage("FloatStorage", "0", 4)
				p.int(0)
				p.ints([]int64{4})
				p.op('K', 1, 0x85, 't', 'R')
			},
			[]string{"w"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram()
			tc.build(p)
			f, err := read(checkpointOf(t, p.done(), f32s(4)))
			require.NoError(t, err)
			var names []string
			for _, tensor := range f.Tensors {
				names = append(names, tensor.Name)
				assert.Equal(t, []float32{0, 1, 2, 3}, floats(t, f, tensor.Name))
			}
			assert.Equal(t, tc.names, names)
			assert.Equal(t, tc.others, f.Others)
		})
	}
}

func TestWriteThenRead(t *testing.T) {
	specs := []Spec{
		{"emb.weight", checkpoint.BF16, []int64{300, 5}},
		{"scalar", checkpoint.F32, nil},
		{"empty", checkpoint.F16, []int64{0, 7}},
		{"last", checkpoint.F16, []int64{3}},
	}
	var out bytes.Buffer
	fill := func(i int, w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte{byte(i + 1)}, int(specs[i].Bytes())))
		return err
	}
	require.NoError(t, Write(&out, "model", specs, fill))
	path := filepath.Join(t.TempDir(), "m.pth")
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	f, err := checkpoint.Open(path, Read)
	require.NoError(t, err)
	defer f.Close()
	require.Len(t, f.Tensors, len(specs))
	for i, s := range specs {
		got := f.Tensors[i]
		assert.Equal(t, s.Name, got.Name)
		assert.Equal(t, s.DType, got.DType)
		assert.ElementsMatch(t, s.Shape, got.Shape)
		section, ok := got.Data.(*io.SectionReader)
		require.True(t, ok, "elements in a row are read from the file itself")
		assert.Equal(t, s.Bytes(), section.Size())
		_, off, _ := section.Outer()
		assert.Zero(t, off%alignment, "data of %q is aligned", s.Name)
		data, err := io.ReadAll(section)
		require.NoError(t, err)
		assert.Equal(t, bytes.Repeat([]byte{byte(i + 1)}, len(data)), data)
	}
	require.NoError(t, f.Close())
	require.NoError(t, f.Close(), "closing twice is safe")
}

func TestWriteRefuses(t *testing.T) {
	specs := []Spec{{"w", checkpoint.F32, []int64{2}}}
	short := func(_ int, w io.Writer) error { _, err := w.Write([]byte{1}); return err }
	assert.ErrorContains(t, Write(io.Discard, "m", specs, short), `tensor "w": 1 bytes were written, want 8`)
	assert.ErrorContains(t, Write(io.Discard, "m", []Spec{{Name: "w"}}, short), "cannot write elements of type unknown")
	fails := func(int, io.Writer) error { return io.ErrClosedPipe }
	assert.ErrorIs(t, Write(io.Discard, "m", specs, fails), io.ErrClosedPipe)
}
