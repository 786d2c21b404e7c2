package pth

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// legacy is a file of PyTorch before 1.6: the pickles before the object, the object, the keys and the storages.
func legacy(object []byte, keys []string, storages ...[]byte) []byte {
	p := pickler(legacyHead())
	p.op(0x80, 2, 'M', 0xe9, 3, stop) // 1001
	p.op(0x80, 2, '}', stop)
	p = append(p, object...)
	p.op(0x80, 2, ']', '(')
	for _, key := range keys {
		p.text(key)
	}
	p.op('e', stop)
	for _, s := range storages {
		p = binary.LittleEndian.AppendUint64(p, uint64(len(s)/4))
		p = append(p, s...)
	}
	return p
}

// legacyHead is the first pickle of such a file.
func legacyHead() []byte {
	return slices.Concat([]byte{0x80, 2, 0x8a, byte(len(legacyMagic))}, legacyMagic, []byte{stop})
}

// nested is the pickle of a tuple of two of itself, depth times: some 5 bytes more double what it takes to print it.
func nested(depth int) []byte {
	p := pickler{0x80, 2, 'N', 'q', 0}
	for range depth {
		p.op('h', 0, 0x86, 'q', 0)
	}
	p.op(stop)
	return p
}

// round is the pickle of a list that holds itself.
func round() []byte { return []byte("\x80\x02]q\x00h\x00a.") }

// viewed is the pickle of a tensor of two elements, whose storage is a view of three from element 4 on.
func viewed(view func(*program)) []byte {
	p := newProgram()
	p.text("w")
	p.global("torch._utils", "_rebuild_tensor")
	p.op('(', '(')
	p.text("storage")
	p.global("torch", "FloatStorage")
	p.text("0")
	p.text("cpu")
	p.int(12)
	view(p)
	p.op('t', 'Q')
	p.int(1)
	p.ints([]int64{2})
	p.ints([]int64{1})
	p.op('t', 'R')
	return p.done()
}

func TestLegacyFiles(t *testing.T) {
	object := newProgram()
	object.tensor("a", "FloatStorage", "11", 4, 0, []int64{4}, []int64{1})
	object.tensor("b", "FloatStorage", "22", 3, 1, []int64{2}, []int64{1})
	whole := legacy(object.done(), []string{"22", "11"}, f32s(3), f32s(4))
	f, err := read(whole)
	require.NoError(t, err)
	assert.Equal(t, "PyTorch before 1.6", f.Format)
	assert.Equal(t, []float32{0, 1, 2, 3}, floats(t, f, "a"))
	assert.Equal(t, []float32{1, 2}, floats(t, f, "b"))

	for n := range len(whole) {
		_, err := read(whole[:n])
		require.Error(t, err, "the first %d bytes", n)
	}
}

func TestLegacyViewsOfStorages(t *testing.T) {
	view := func(start, count int64) func(*program) {
		return func(p *program) {
			p.op('(')
			p.text("5")
			p.int(start)
			p.int(count)
			p.op('t')
		}
	}
	f, err := read(legacy(viewed(view(4, 3)), []string{"0"}, f32s(12)))
	require.NoError(t, err)
	assert.Equal(t, []float32{5, 6}, floats(t, f, "w"))

	_, err = read(legacy(viewed(view(4, 2)), []string{"0"}, f32s(12)))
	assert.ErrorContains(t, err, "reaches element 2 of a storage of 2", "a tensor stays within its view")
	_, err = read(legacy(viewed(view(10, 3)), []string{"0"}, f32s(12)))
	assert.ErrorContains(t, err, `view of storage "0" leaves its 12 elements`)
	_, err = read(legacy(viewed(func(p *program) { p.int(1) }), []string{"0"}, f32s(12)))
	assert.ErrorContains(t, err, `view of storage "0" is an integer`)
}

func TestLegacyFilesThatAreRefused(t *testing.T) {
	object := one("FloatStorage", 4, 0, []int64{4}, []int64{1})
	for name, tc := range map[string]struct {
		file   []byte
		reason string
	}{
		"a pickle that is no checkpoint": {object, "a pickle, but not one that torch.save wrote"},
		"another version":                {slices.Concat(legacy(nil, nil)[:15], []byte("\x80\x02K\x07.")), "is of version 7"},
		"a version that has no end":      {slices.Concat(legacyHead(), nested(62), []byte("\x80\x02}.")), "is of version a tuple"},
		"a version that holds itself":    {slices.Concat(legacyHead(), round(), []byte("\x80\x02}.")), "is of version a list"},
		"a key that has no end":          {slices.Concat(legacy(object, nil)[:len(legacy(object, nil))-6], []byte("\x80\x02]"), nested(62)[2:len(nested(62))-1], []byte("a.")), "lists storage"},
		"a storage of another length":    {legacy(object, []string{"0"}, f32s(3)), `storage "0" at byte`},
		"a storage that is not listed":   {legacy(object, nil), `storage "0" is not in the file`},
		"a storage that nobody has":      {legacy(object, []string{"1"}, f32s(4)), `lists storage "1", which is unknown`},
		"a storage listed twice":         {legacy(object, []string{"0", "0"}, f32s(4), f32s(4)), "listed before"},
		"keys that are no list":          {slices.Concat(legacy(object, nil)[:len(legacy(object, nil))-6], []byte("\x80\x02}.")), "ends with a dict, want the list of storages"},
		"a global of somebody else":      {legacy([]byte("\x80\x02cos\nsystem\n."), nil), `asks for "os.system"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(tc.file)
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}
