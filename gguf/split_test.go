package gguf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

// whole is a small model.
func whole(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	h := gguf.Header{Keys: []gguf.KV{{Key: "general.name", Value: "m"}, {Key: "n", Value: uint32(7)}}}
	for i := range 7 {
		h.Tensors = append(h.Tensors, gguf.Tensor{Name: fmt.Sprintf("t%d", i), Type: gguf.F32, Shape: []int64{int64(i) + 1}})
	}
	w, err := gguf.NewWriter(f, h)
	require.NoError(t, err)
	for i := range h.Tensors {
		require.NoError(t, w.WriteAt(i, []byte(strings.Repeat(string(rune('a'+i)), 4*(i+1))), 0))
	}
	require.NoError(t, w.Close())
	return path
}

// split cuts a small model in three.
func split(t *testing.T) (path string, parts []string) {
	t.Helper()
	path = whole(t)
	parts, err := synth.Split(path, 3)
	require.NoError(t, err)
	return path, parts
}

func TestASplitModelReadsAsOneByTheNameOfAnyPart(t *testing.T) {
	path, parts := split(t)
	one, err := gguf.Open(path)
	require.NoError(t, err)
	defer one.Close()
	for _, part := range parts {
		f, err := gguf.Open(part)
		require.NoError(t, err)
		assert.Equal(t, part, f.Path())
		assert.Equal(t, parts, f.Paths())
		assert.Equal(t, one.Keys(), f.Keys())
		n, ok := f.Uint("n")
		assert.True(t, ok)
		assert.Equal(t, uint64(7), n)
		_, ok = f.Value("split.count")
		assert.False(t, ok, "the whole is no part")
		require.Len(t, f.Tensors(), 7)
		size := int64(0)
		for _, p := range parts {
			info, err := os.Stat(p)
			require.NoError(t, err)
			size += info.Size()
		}
		assert.Equal(t, size, f.Size())
		for i, want := range one.Tensors() {
			got, ok := f.Tensor(want.Name)
			require.True(t, ok)
			assert.Equal(t, f.Tensors()[i], got)
			assert.Equal(t, one.Data(want), f.Data(got))
			assert.Equal(t, f.Data(got), f.Bytes(got.Part)[got.Offset:][:got.Size])
			data := make([]byte, got.Size)
			require.NoError(t, f.ReadAt(got, data, 0))
			assert.Equal(t, one.Data(want), data)
		}
		require.NoError(t, f.Close())
		assert.Empty(t, gguf.Check(part))
	}
}

func TestPartsThatDoNotMakeAModelAreRefused(t *testing.T) {
	rewrite := func(t *testing.T, path string, change func(h *gguf.Header)) {
		t.Helper()
		f, err := gguf.Open(path) // of a whole file, since parts open as their model
		require.NoError(t, err)
		h := gguf.Header{Keys: f.Keys(), Tensors: f.Tensors()}
		require.NoError(t, f.Close())
		change(&h)
		out, err := os.Create(path)
		require.NoError(t, err)
		defer out.Close()
		w, err := gguf.NewWriter(out, h)
		require.NoError(t, err)
		for i, tensor := range w.Tensors() {
			require.NoError(t, w.WriteAt(i, make([]byte, tensor.Size), 0))
		}
		require.NoError(t, w.Close())
	}
	// part puts a hand-made file in the place of part 2.
	part := func(t *testing.T, parts []string, no, count uint16, tensor string) {
		t.Helper()
		other := whole(t)
		rewrite(t, other, func(h *gguf.Header) {
			h.Keys = []gguf.KV{{Key: "split.no", Value: no}, {Key: "split.count", Value: count}}
			h.Tensors = []gguf.Tensor{{Name: tensor, Type: gguf.F32, Shape: []int64{1}}}
		})
		require.NoError(t, os.Rename(other, parts[1]))
	}
	for name, tc := range map[string]struct {
		change func(t *testing.T, parts []string)
		want   string
	}{
		"one is missing":   {func(t *testing.T, parts []string) { require.NoError(t, os.Remove(parts[2])) }, `part 3 of the model's 3, "m-00003-of-00003.gguf", is not beside it: download it too`},
		"one is cut short": {func(t *testing.T, parts []string) { require.NoError(t, os.Truncate(parts[1], 100)) }, "m-00002-of-00003.gguf: "},
		"one is a pointer": {func(t *testing.T, parts []string) {
			require.NoError(t, os.WriteFile(parts[1], []byte("version https://git-lfs.github.com/spec/v1\n"), 0o600))
		}, "m-00002-of-00003.gguf: is a Git LFS pointer"},
		"one twice":               {func(t *testing.T, parts []string) { require.NoError(t, os.Rename(parts[2], parts[1])) }, "m-00002-of-00003.gguf: says that it is part 3, its name that it is part 2"},
		"one is of another model": {func(t *testing.T, parts []string) { part(t, parts, 1, 4, "x") }, "is one of 4 parts, want one of 3"},
		"a tensor twice":          {func(t *testing.T, parts []string) { part(t, parts, 1, 3, "t0") }, `tensor "t0" is in m-00001-of-00003.gguf too`},
		"not as many tensors":     {func(t *testing.T, parts []string) { part(t, parts, 1, 3, "x") }, `the parts have 6 tensors, want the 7 of "split.tensors.count"`},
		"the first has another name": {func(t *testing.T, parts []string) {
			require.NoError(t, os.Rename(parts[0], filepath.Join(filepath.Dir(parts[0]), "a.gguf")))
		}, `part 1 of the model's 3, "m-00001-of-00003.gguf"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, parts := split(t)
			tc.change(t, parts)
			for _, path := range parts {
				if _, err := os.Stat(path); err != nil {
					continue
				}
				_, err := gguf.Open(path)
				require.Error(t, err)
				if path == parts[0] || tc.want[:4] == "part" {
					assert.ErrorContains(t, err, tc.want)
				}
				assert.NotEmpty(t, gguf.Check(path))
			}
		})
	}
}

func TestAModelOfMorePartsThanAnyHasIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m-00001-of-02000.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	w, err := gguf.NewWriter(f, gguf.Header{Keys: []gguf.KV{{Key: "split.no", Value: uint16(0)}, {Key: "split.count", Value: uint16(2000)}}})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	_, err = gguf.Open(path)
	require.EqualError(t, err, path+": is one of 2000 parts, 1024 are the most")
}

func TestAPartIsFoundByItsName(t *testing.T) {
	_, parts := split(t)
	renamed := filepath.Join(filepath.Dir(parts[0]), "mine.gguf")
	data, err := os.ReadFile(parts[1])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(renamed, data, 0o600))
	_, err = gguf.Open(renamed)
	require.ErrorContains(t, err, `mine.gguf: is part 2 of 3 of a model, but its name does not end in "-00002-of-00003.gguf"`)

	first, err := os.ReadFile(parts[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(renamed, append(first, data...), 0o600))
	_, err = gguf.Open(renamed)
	require.ErrorContains(t, err, "another part follows in the same file")
}

// A file that says it is the only part is a whole model, whatever its name.
func TestOnePartIsAWholeModel(t *testing.T) {
	path := whole(t)
	parts, err := synth.Split(path, 1)
	require.NoError(t, err)
	renamed := filepath.Join(filepath.Dir(path), "x.gguf")
	require.NoError(t, os.Rename(parts[0], renamed))
	f, err := gguf.Open(renamed)
	require.NoError(t, err)
	defer f.Close()
	assert.Len(t, f.Tensors(), 7)
}

// llama-gguf-split --no-tensor-first-split leaves the first part without tensors.
func TestTheFirstPartMayHaveKeysAlone(t *testing.T) {
	dir := t.TempDir()
	for i, tensors := range [][]gguf.Tensor{nil, {{Name: "a", Type: gguf.F32, Shape: []int64{1}}}} {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("m-%05d-of-00002.gguf", i+1)))
		require.NoError(t, err)
		defer f.Close()
		keys := []gguf.KV{{Key: "split.no", Value: uint16(i)}, {Key: "split.count", Value: uint16(2)}, {Key: "split.tensors.count", Value: int32(1)}}
		if i == 0 {
			keys = append(keys, gguf.KV{Key: "general.name", Value: "m"})
		}
		w, err := gguf.NewWriter(f, gguf.Header{Keys: keys, Tensors: tensors})
		require.NoError(t, err)
		for range tensors {
			require.NoError(t, w.WriteAt(0, []byte("abcd"), 0))
		}
		require.NoError(t, w.Close())
	}
	f, err := gguf.Open(filepath.Join(dir, "m-00002-of-00002.gguf"))
	require.NoError(t, err)
	defer f.Close()
	name, _ := f.String("general.name")
	assert.Equal(t, "m", name)
	a, ok := f.Tensor("a")
	require.True(t, ok)
	assert.Equal(t, "abcd", string(f.Data(a)))
	assert.Empty(t, gguf.Check(f.Path()))
}

func TestTrimPart(t *testing.T) {
	for path, want := range map[string]string{
		"m-00002-of-00003.gguf":          "m.gguf",
		"a/b-q4_k_m-00001-of-00002.gguf": "a/b-q4_k_m.gguf",
		"m.gguf":                         "m.gguf",
		"m-1-of-2.gguf":                  "m-1-of-2.gguf",
		"m-00001-of-00002.pth":           "m-00001-of-00002.pth",
	} {
		assert.Equal(t, want, gguf.TrimPart(path))
	}
}

func TestTextsThatAreNotUTF8AreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	w, err := gguf.NewWriter(f, gguf.Header{Keys: []gguf.KV{
		{Key: "good", Value: "数"}, {Key: "cut", Value: "数"[:2]}, {Key: "list", Value: []string{"a", "\xff"}},
	}})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	errs := gguf.Check(path)
	require.Len(t, errs, 1, "tokens are bytes")
	assert.ErrorContains(t, errs[0], `key "cut" at byte 51: holds the text "\xe6\x95", which is not UTF-8`)
}

// FuzzSplit puts two files beside each other as the parts of a model.
func FuzzSplit(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "m.gguf")
	out, err := os.Create(path)
	require.NoError(f, err)
	w, err := gguf.NewWriter(out, gguf.Header{Tensors: []gguf.Tensor{{Name: "a", Type: gguf.F32, Shape: []int64{1}}, {Name: "b", Type: gguf.F32, Shape: []int64{1}}}})
	require.NoError(f, err)
	require.NoError(f, w.WriteAt(0, make([]byte, 4), 0))
	require.NoError(f, w.WriteAt(1, make([]byte, 4), 0))
	require.NoError(f, w.Close())
	require.NoError(f, out.Close())
	parts, err := synth.Split(path, 2)
	require.NoError(f, err)
	var seeds [2][]byte
	for i, part := range parts {
		seeds[i], err = os.ReadFile(part)
		require.NoError(f, err)
	}
	f.Add(seeds[0], seeds[1])
	f.Add(seeds[1], seeds[0])
	f.Fuzz(func(t *testing.T, first, second []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "m-00001-of-00002.gguf")
		require.NoError(t, os.WriteFile(path, first, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "m-00002-of-00002.gguf"), second, 0o600))
		file, err := gguf.Open(path)
		if err != nil {
			return
		}
		for _, tensor := range file.Tensors() {
			require.Len(t, file.Data(tensor), int(tensor.Size))
		}
		require.NoError(t, file.Close())
	})
}
