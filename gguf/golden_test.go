package gguf

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// image assembles the bytes of a file by hand, so that tests depend on no writer.
type image []byte

func (m image) raw(b ...byte) image { return append(m, b...) }
func (m image) u32(v uint32) image  { return binary.LittleEndian.AppendUint32(m, v) }
func (m image) u64(v uint64) image  { return binary.LittleEndian.AppendUint64(m, v) }
func (m image) str(s string) image  { return append(m.u64(uint64(len(s))), s...) }
func (m image) tensor(name string, typ Type, offset uint64, shape ...uint64) image {
	m = m.str(name).u32(uint32(len(shape)))
	for _, d := range shape {
		m = m.u64(d)
	}
	return m.u32(uint32(typ)).u64(offset)
}

func (m image) pad(alignment int) image {
	for len(m)%alignment != 0 {
		m = append(m, 0)
	}
	return m
}

func start(version uint32, tensors, keys uint64) image {
	return image("GGUF").u32(version).u64(tensors).u64(keys)
}

// golden is a file with a value of every type and two tensors.
func golden() (image, Header) {
	m := start(3, 2, 16).
		str("general.architecture").u32(8).str("rwkv7").
		str("u8").u32(0).raw(200).
		str("i8").u32(1).raw(0xfe).
		str("u16").u32(2).raw(0x34, 0x12).
		str("i16").u32(3).raw(0xfe, 0xff).
		str("u32").u32(4).u32(4096).
		str("i32").u32(5).u32(0xffffffff).
		str("f32").u32(6).u32(0x3fc00000).
		str("bool").u32(7).raw(1).
		str("u64").u32(10).u64(1<<40).
		str("i64").u32(11).u64(1<<63).
		str("f64").u32(12).u64(0x4002000000000000).
		str("tokens").u32(9).u32(8).u64(3).str("a").str("").str("\xff\x00").
		str("bools").u32(9).u32(7).u64(2).raw(0, 1).
		str("nested").u32(9).u32(9).u64(2).u32(5).u64(1).u32(7).u32(0).u64(0).
		str("general.alignment").u32(4).u32(64).
		tensor("norm.weight", F32, 0, 3).
		tensor("blk.0.key.weight", Q8_0, 64, 32, 2).
		pad(64).
		raw(0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40).pad(64)
	for i := range 68 {
		m = m.raw(byte(i))
	}
	return m.pad(64), Header{
		Keys: []KV{
			{"general.architecture", "rwkv7"}, {"u8", uint8(200)}, {"i8", int8(-2)}, {"u16", uint16(0x1234)},
			{"i16", int16(-2)}, {"u32", uint32(4096)}, {"i32", int32(-1)}, {"f32", float32(1.5)}, {"bool", true},
			{"u64", uint64(1 << 40)}, {"i64", int64(-1 << 63)}, {"f64", 2.25}, {"tokens", []string{"a", "", "\xff\x00"}},
			{"bools", []bool{false, true}}, {"nested", []any{[]int32{7}, []uint8{}}}, {"general.alignment", uint32(64)},
		},
		Tensors: []Tensor{
			{Name: "norm.weight", Type: F32, Shape: []int64{3}},
			{Name: "blk.0.key.weight", Type: Q8_0, Shape: []int64{32, 2}},
		},
	}
}

// save writes bytes to a file of this test.
func save(t testing.TB, b []byte) string {
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, os.WriteFile(path, b, 0o666))
	return path
}

func open(t testing.TB, b []byte) *File {
	f, err := Open(save(t, b))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}

func TestAFileMadeByHandIsRead(t *testing.T) {
	image, want := golden()
	f := open(t, image)
	assert.Equal(t, want.Keys, f.Keys())
	assert.Equal(t, uint32(3), f.Version())
	assert.Equal(t, int64(64), f.Alignment())
	assert.Equal(t, int64(len(image)), f.Size())
	data := f.dataOffset
	assert.Zero(t, data%64)
	assert.Equal(t, []Tensor{
		{"norm.weight", F32, []int64{3}, data, 12, 0},
		{"blk.0.key.weight", Q8_0, []int64{32, 2}, data + 64, 68, 0},
	}, f.Tensors())
	key, ok := f.Tensor("blk.0.key.weight")
	require.True(t, ok)
	assert.Equal(t, int64(64), key.Elements())
	assert.Equal(t, []byte(image[data+64:data+64+68]), f.Data(key))
	part := make([]byte, 8)
	require.NoError(t, f.ReadAt(key, part, 60))
	assert.Equal(t, []byte(image[data+64+60:data+64+68]), part)
	require.ErrorContains(t, f.ReadAt(key, part, 61), "has 68 bytes, 8 at 61 are not among them")
	_, ok = f.Tensor("output.weight")
	assert.False(t, ok)
}

func TestWritingGivesTheFileMadeByHand(t *testing.T) {
	want, h := golden()
	f := open(t, want)
	got := memory{}
	w, err := NewWriter(&got, h)
	require.NoError(t, err)
	require.Equal(t, f.Tensors(), w.Tensors())
	require.Equal(t, f.Size(), w.Size())
	for i, tensor := range f.Tensors() {
		data := f.Data(tensor)
		require.NoError(t, w.WriteAt(i, data[5:], 5), "pieces may come in any order")
		require.NoError(t, w.WriteAt(i, data[:5], 0))
	}
	require.NoError(t, w.Close())
	assert.Equal(t, want, image(got.bytes))
}

// memory is an io.WriterAt whose bytes are 0xAA until they are written.
type memory struct{ bytes []byte }

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if more := off + int64(len(p)) - int64(len(m.bytes)); more > 0 {
		m.bytes = append(m.bytes, bytes.Repeat([]byte{0xaa}, int(more))...)
	}
	return copy(m.bytes[off:], p), nil
}

func TestVersion2IsReadAlike(t *testing.T) {
	image, want := golden()
	image[4] = 2
	f := open(t, image)
	assert.Equal(t, uint32(2), f.Version())
	assert.Equal(t, want.Keys, f.Keys())
}

func TestValuesAreConvertedOnlyWhereNothingIsLost(t *testing.T) {
	image, _ := golden()
	f := open(t, image)
	for key, want := range map[string]uint64{"u8": 200, "u16": 0x1234, "u32": 4096, "u64": 1 << 40} {
		got, ok := f.Uint(key)
		assert.True(t, ok, key)
		assert.Equal(t, want, got, key)
	}
	for _, key := range []string{"i8", "i16", "i32", "i64", "f32", "bool", "tokens", "missing"} {
		_, ok := f.Uint(key)
		assert.False(t, ok, key)
	}
	s, ok := f.String("general.architecture")
	assert.True(t, ok)
	assert.Equal(t, "rwkv7", s)
	_, ok = f.String("u8")
	assert.False(t, ok)
	b, ok := f.Bool("bool")
	assert.True(t, ok && b)
	tokens, ok := f.Strings("tokens")
	assert.True(t, ok)
	assert.Equal(t, []string{"a", "", "\xff\x00"}, tokens)
	_, ok = f.Strings("bools")
	assert.False(t, ok)
}
