package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/checkpoint/safetensors"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/internal/golden"
)

// file puts a header and data together.
func file(header, data string) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
}

func read(b []byte) (*checkpoint.File, error) {
	return safetensors.Read(bytes.NewReader(b), int64(len(b)))
}

func open(path string) (*checkpoint.File, error) { return checkpoint.Open(path, safetensors.Read) }

func TestTensorsLieWhereTheHeaderSays(t *testing.T) {
	f, err := read(file(`{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]} }  `,
		"\x00\x00\x80\x3f\x80\x3f\x00\x40"))
	require.NoError(t, err)
	require.Len(t, f.Tensors, 2)
	assert.Equal(t, "a", f.Tensors[0].Name, "in the order of the data")
	x := make([]float32, 2)
	b, ok := f.Tensor("b")
	require.True(t, ok)
	require.NoError(t, b.ReadFloats(x, 0))
	assert.Equal(t, []float32{1, 2}, x)
	assert.Equal(t, []int64{1, 1}, f.Tensors[0].Shape)
}

func TestFilesThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		file []byte
		want string
	}{
		"too short":             {[]byte("abc"), "3 bytes are too short"},
		"a header beyond it":    {file("{}", "")[:9], "the header is said to have 2 bytes, the file has 9"},
		"an enormous header":    {append(binary.LittleEndian.AppendUint64(nil, 1<<63), '{'), "the header is said to have 9223372036854775808 bytes"},
		"no object":             {file("[]", ""), "not a JSON object"},
		"JSON that ends":        {file(`{"a":{"dtype":"F32"`, ""), `tensor "a" in the header`},
		"no tensors":            {file("{}", ""), "holds no tensors"},
		"a tensor twice":        {file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{}}`, "x"), `"a" stands in the header twice`},
		"a type of its own":     {file(`{"a":{"dtype":"F6_E2M3","shape":[1],"data_offsets":[0,1]}}`, "x"), `type "F6_E2M3"`},
		"data beyond the file":  {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, "1234"), "ends at byte 70 of a file of 66: cut short"},
		"data before the file":  {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, "1234"), "is not a range"},
		"fewer bytes than said": {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "1234"), "[2] of F32 take 8"},
		"a shape that overflows": {file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`, "1234"),
			"more than the file's"},
		"a negative shape":  {file(`{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, "1234"), "shape [-1 -1]"},
		"numbers as floats": {file(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, "1234"), `tensor "a" in the header`},
		"many dimensions":   {file(`{"a":{"dtype":"F32","shape":[`+strings.Repeat("1,", 64)+`1],"data_offsets":[0,4]}}`, "1234"), `tensor "a" in the header: more than 64 dimensions`},
		"a long name":       {file(`{"`+strings.Repeat("a", 5000)+`":{"dtype":"F6","shape":[1],"data_offsets":[0,4]}}`, "1234"), `tensor "` + strings.Repeat("a", 80) + `"... holds elements`},
		"a long number":     {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[`+strings.Repeat("1", 5000)+`,4]}}`, "1234"), "1111..."},
		"metadata of lists": {file(`{"__metadata__":{"a":[]}}`, ""), "__metadata__ at byte 30: want an object of texts"},
		"metadata that end": {file(`{"__metadata__":{"a":"b"`, ""), "__metadata__ at byte "},
		"no metadata":       {file(`{"__metadata__":1}`, ""), "want an object of texts"},
		"deep JSON":         {file(`{"a":`+strings.Repeat("[", 20000), ""), `tensor "a" in the header`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(tc.file)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestTheSameModelAsItsCheckpoint(t *testing.T) {
	want, err := checkpoint.Open(golden.Path(t, "tiny-rwkv-7v0-834K-bf16.pth"), pth.Read)
	require.NoError(t, err)
	defer want.Close()
	got, err := checkpoint.Open(golden.Path(t, "tiny-rwkv-7v0-834K-bf16.safetensors"), safetensors.Read)
	require.NoError(t, err)
	defer got.Close()
	require.Len(t, got.Tensors, len(want.Tensors))
	for _, w := range want.Tensors {
		g, ok := got.Tensor(w.Name)
		require.True(t, ok, w.Name)
		require.Equal(t, w.Shape, g.Shape, w.Name)
		require.Equal(t, bytesOf(t, w), bytesOf(t, g), w.Name)
	}
}

func bytesOf(t *testing.T, tensor checkpoint.Tensor) []byte {
	t.Helper()
	b := make([]byte, tensor.Elements()*tensor.DType.Size())
	require.NoError(t, tensor.ReadBytes(b, 0))
	return b
}

// parts writes files and an index beside them.
func parts(t *testing.T, index string, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	path := filepath.Join(dir, "model.safetensors.index.json")
	require.NoError(t, os.WriteFile(path, []byte(index), 0o600))
	return path
}

func one(name, data string) []byte {
	return file(fmt.Sprintf(`{%q:{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, name), data)
}

func TestAModelInParts(t *testing.T) {
	index := `{"metadata":{},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}`
	both := map[string][]byte{"1.safetensors": one("a", "x"), "2.safetensors": one("b", "y")}
	f, err := safetensors.OpenIndex(parts(t, index, both), open)
	require.NoError(t, err)
	require.Len(t, f.Tensors, 2)
	assert.Equal(t, []byte("y"), bytesOf(t, f.Tensors[1]))
	require.NoError(t, f.Close())

	for name, tc := range map[string]struct {
		index string
		files map[string][]byte
		want  string
	}{
		"a part is missing":            {index, map[string][]byte{"1.safetensors": one("a", "x")}, `the part "2.safetensors" is missing beside it`},
		"a part is another's":          {index, map[string][]byte{"1.safetensors": one("a", "x"), "2.safetensors": one("c", "x")}, `tensor "b" is not in "2.safetensors"`},
		"a part is damaged":            {index, map[string][]byte{"1.safetensors": one("a", "x"), "2.safetensors": {1}}, "1 bytes are too short"},
		"a part elsewhere":             {`{"weight_map":{"a":"../x.safetensors"}}`, nil, "want a file beside it"},
		"a part at an absolute path":   {`{"weight_map":{"a":"/etc/passwd"}}`, nil, "want a file beside it"},
		"an index of something else":   {`{"a":1}`, nil, `no "weight_map"`},
		"an index that is no JSON":     {`weights`, nil, "not an index of a model"},
		"an index of the wrong shapes": {`{"weight_map":{"a":7}}`, nil, "not an index of a model"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := safetensors.OpenIndex(parts(t, tc.index, tc.files), open)
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err = safetensors.OpenIndex("missing.json", open)
	require.True(t, errors.Is(err, os.ErrNotExist))
}

func FuzzRead(f *testing.F) {
	f.Add(one("a", "x"))
	f.Add(file(`{"__metadata__":{"a":"b"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}`, "12345678"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		file, err := read(data)
		if err != nil {
			return
		}
		for _, tensor := range file.Tensors {
			n := tensor.Elements() * tensor.DType.Size()
			require.LessOrEqual(t, n, int64(len(data)))
			require.NoError(t, tensor.ReadBytes(make([]byte, n), 0))
		}
	})
}
