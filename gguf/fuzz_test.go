package gguf

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

func seeds() []image {
	good, _ := golden()
	files := []image{good}
	for _, tc := range hostile() {
		if len(tc.file) < 4096 {
			files = append(files, tc.file)
		}
	}
	return files
}

// FuzzOpen holds that no bytes make the reader panic, that what it refuses it refuses with a place, and that what it
// accepts lies in the file.
func FuzzOpen(f *testing.F) {
	for _, b := range seeds() {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		defer fuzzing.Guard(t, len(b), 1<<10)()
		p := check(b)
		for _, err := range p.errs {
			var bad *FormatError
			require.ErrorAs(t, err, &bad)
			require.True(t, bad.Offset >= 0 && bad.Offset <= int64(len(b)), bad)
		}
		if len(p.errs) > 0 {
			return
		}
		require.Len(t, p.key, len(p.keys))
		require.Len(t, p.tensor, len(p.tensors))
		for _, tensor := range p.tensors {
			size, err := sizeOf(tensor.Type, tensor.Shape)
			require.NoError(t, err)
			require.Equal(t, size, tensor.Size)
			require.True(t, tensor.Offset >= p.dataOffset && tensor.end() <= int64(len(b)))
			require.Zero(t, (tensor.Offset-p.dataOffset)%p.alignment)
			for _, other := range p.tensors {
				require.True(t, other.end() <= tensor.Offset || tensor.end() <= other.Offset || other.Name == tensor.Name)
			}
		}
	})
}

// FuzzRoundTrip holds that a file that was read and written again is the same file, if Check found nothing wrong with
// it, and says the same in any case.
func FuzzRoundTrip(f *testing.F) {
	for _, b := range seeds() {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		defer fuzzing.Guard(t, len(b), 1<<10)()
		path := filepath.Join(t.TempDir(), "m.gguf")
		require.NoError(t, os.WriteFile(path, b, 0o666))
		file, err := Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		out := memory{}
		w, err := NewWriter(&out, Header{Keys: file.Keys(), Tensors: file.Tensors()})
		if err != nil {
			require.ErrorContains(t, err, "has a name of", "the writer is stricter about names alone")
			return
		}
		for i, tensor := range file.Tensors() {
			require.NoError(t, w.WriteAt(i, file.Data(tensor), 0))
		}
		require.NoError(t, w.Close())
		require.Len(t, out.bytes, int(w.Size()))

		again := open(t, out.bytes)
		require.Equal(t, encode(t, file.Keys()), encode(t, again.Keys()))
		for i, tensor := range again.Tensors() {
			was := file.Tensors()[i]
			require.Equal(t, file.Data(was), again.Data(tensor))
			require.Equal(t, [3]any{was.Name, was.Type, was.Shape}, [3]any{tensor.Name, tensor.Type, tensor.Shape})
		}
		require.Empty(t, Check(again.Path()))
		if len(Check(path)) == 0 && file.Version() == version && len(file.Tensors()) > 0 {
			require.Equal(t, b, out.bytes)
		}
	})
}

// encode makes keys comparable where they hold NaN.
func encode(t *testing.T, keys []KV) []byte {
	b, err := Header{Keys: keys}.encode(nil)
	require.NoError(t, err)
	return b
}
