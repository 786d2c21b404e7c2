package pth

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// addShared seeds a fuzz target with the small files of the shared test data, where they are at hand.
func addShared(f *testing.F) {
	for _, pattern := range []string{"*.pth", "hostile/*.pth"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "testdata", pattern))
		require.NoError(f, err)
		for _, path := range files {
			if data, err := os.ReadFile(path); err == nil && len(data) < 1<<12 {
				f.Add(data)
			}
		}
	}
}

// FuzzRead reads whole files: what is accepted can be read to its last byte, and is no longer than it says.
func FuzzRead(f *testing.F) {
	pickle := one("FloatStorage", 4, 0, []int64{2, 2}, []int64{1, 2})
	f.Add(checkpointOf(f, pickle, f32s(4)))
	f.Add(legacy(pickle, []string{"0"}, f32s(4)))
	addShared(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		file, err := read(data)
		if err != nil {
			return
		}
		for _, tensor := range file.Tensors {
			size := tensor.Elements() * tensor.DType.Size()
			require.GreaterOrEqual(t, size, int64(0))
			if size > 1<<16 {
				continue
			}
			got, err := io.ReadAll(io.NewSectionReader(tensor.Data, 0, 1<<17))
			require.NoError(t, err)
			require.Len(t, got, int(size))
		}
	})
}

// FuzzLegacy reads files of PyTorch before 1.6 that are put together of four pickles, which the fuzzer changes one by one, and
// what lies behind them. An error takes a line, whatever the pickles hold.
func FuzzLegacy(f *testing.F) {
	version, facts := []byte("\x80\x02M\xe9\x03."), []byte("\x80\x02}.")
	object := one("FloatStorage", 4, 0, []int64{2, 2}, []int64{1, 2})
	keys := []byte("\x80\x02](X\x01\x00\x00\x000e.")
	storage := append([]byte{4, 0, 0, 0, 0, 0, 0, 0}, f32s(4)...)
	f.Add(version, facts, object, keys, storage)
	f.Add(version, facts, object, []byte("\x80\x02](K\x07Ne."), storage)
	f.Add(nested(8), facts, object, keys, storage)
	f.Add(version, nested(8), object, nested(8), storage)
	f.Add(version, facts, nested(8), round(), storage)
	f.Add(round(), facts, object, keys, storage)
	f.Fuzz(func(t *testing.T, version, facts, object, keys, storages []byte) {
		data := slices.Concat(legacyHead(), version, facts, object, keys, storages)
		defer fuzzing.Guard(t, len(data), 1<<10)()
		file, err := read(data)
		if err != nil {
			require.Less(t, len(err.Error()), 1000+len(object), "an error shows names, and of other values the beginning")
			return
		}
		for _, tensor := range file.Tensors {
			size := tensor.Elements() * tensor.DType.Size()
			got, err := io.ReadAll(io.NewSectionReader(tensor.Data, 0, 1<<16))
			require.NoError(t, err)
			require.Len(t, got, int(min(size, 1<<16)))
		}
	})
}

// FuzzPickle runs pickles: whatever they make is of few values, and storages have plain keys.
func FuzzPickle(f *testing.F) {
	f.Add(one("HalfStorage", 4, 0, []int64{2, 2}, []int64{1, 2}))
	f.Add([]byte("\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."))
	f.Add([]byte("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94\x8a\x01\xff]\x94(K\x01eh\x00b."))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		d := newDecoder(bytes.NewReader(data), int64(len(data)), "data.pkl")
		v, err := d.load()
		require.LessOrEqual(t, d.values, min(MaxValues+1, len(data)))
		if err != nil {
			return
		}
		require.NotNil(t, v)
		for key, s := range d.storages {
			require.NoError(t, checkKey(key))
			require.GreaterOrEqual(t, s.numel, int64(0))
		}
		_, _ = (&contents{object: v}).entries()
	})
}

// FuzzZip lists archives: every member that is accepted lies within the file.
func FuzzZip(f *testing.F) {
	f.Add(archiveOf(f, member{name: "m/data.pkl", data: []byte("\x80\x02}.")}, member{name: "m/byteorder", data: []byte("big")}))
	addShared(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		file, size := bytes.NewReader(data), int64(len(data))
		members, err := readDirectory(file, size)
		if err != nil {
			return
		}
		for _, m := range members {
			if off, err := locate(m, file, size); err == nil {
				require.True(t, off >= 0 && off+int64(m.UncompressedSize64) <= size, "%s", m.Name)
			}
		}
		_, _ = findRoot(members)
	})
}
