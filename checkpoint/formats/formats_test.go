package formats_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
)

func write(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.pth")
	require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
	return path
}

func TestFilesThatAreNoCheckpoints(t *testing.T) {
	for name, tc := range map[string]struct{ data, what string }{
		"an empty file":              {"", "is empty: download it again"},
		"zeros":                      {strings.Repeat("\x00", 600), "zeros only"},
		"a GGUF model":               {"GGUF\x03\x00\x00\x00", "is a GGUF model already"},
		"a big-endian GGUF model":    {"FUGG\x00\x00\x00\x03", "big-endian GGUF"},
		"a ggml model":               {"lmgg\x01\x00\x00\x00", "an old ggml model"},
		"a model of rwkv.cpp":        {"fmgg\x65\x00\x00\x00", "its header alone takes 24: cut short"},
		"a ggjt model":               {"tjgg\x03\x00\x00\x00", "ggjt"},
		"a safetensors file":         {"\x10\x00\x00\x00\x00\x00\x00\x00{\"a\": {}}      ", "is a safetensors file cut short"},
		"an ONNX model":              {"\x08\x07\x12\x07pytorch", "seems to be an ONNX model"},
		"a web page":                 {"\n<!DOCTYPE html><html>404", "is a web page"},
		"a web page with a mark":     {"\xef\xbb\xbf<html>", "is a web page"},
		"an error in JSON":           {`{"error": "not found"}`, "is JSON text"},
		"a Git LFS pointer":          {"version https://git-lfs.github.com/spec/v1\noid sha256:00", "is a Git LFS pointer"},
		"a tar archive":              {strings.Repeat("a", 257) + "ustar\x0000", "is a tar archive"},
		"an empty zip archive":       {"PK\x05\x06" + strings.Repeat("\x00", 18), "is an empty zip archive"},
		"a file packed with gzip":    {"\x1f\x8b\x08", "with gzip"},
		"a file packed with zstd":    {"\x28\xb5\x2f\xfd", "with zstd"},
		"a plain pickle":             {"\x80\x02}q\x00.", "is a pickle, but not one that torch.save wrote"},
		"a pickle that runs things":  {"\x80\x02cposix\nsystem\n.", `asks for "posix.system" at offset 2`},
		"a zip archive of something": {"PK\x03\x04 and so on", "has no sound directory at its end"},
		"some text":                  {"hello, world", `is not a .pth or .safetensors checkpoint: it begins with "hello, w"`},
		"a single byte":              {"x", `it begins with "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, tc.data)
			_, err := formats.Open(path)
			assert.ErrorContains(t, err, tc.what)
			assert.ErrorContains(t, err, path)
		})
	}
}

func TestPlacesThatAreNoFiles(t *testing.T) {
	_, err := formats.Open(t.TempDir())
	assert.ErrorContains(t, err, "is a folder without a model")
	_, err = formats.Open(filepath.Join(t.TempDir(), "missing.pth"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestACheckpointOpensWhateverItsName(t *testing.T) {
	var out bytes.Buffer
	specs := []pth.Spec{{Name: "w", DType: checkpoint.F32, Shape: []int64{1}}}
	require.NoError(t, pth.Write(&out, "m", specs, func(_ int, w io.Writer) error {
		_, err := w.Write([]byte{0, 0, 0x80, 0x3f})
		return err
	}))
	path := filepath.Join(t.TempDir(), "model.bin")
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	f, err := formats.Open(path)
	require.NoError(t, err)
	assert.Equal(t, "PyTorch zip", f.Format)
	assert.Equal(t, path, f.Path)
	require.NoError(t, f.Close())
}
