package formats

import (
	"bytes"
	"encoding/binary"

	"github.com/gosling-rwkv/gosling/internal/filekind"
)

// magics are the first bytes of files that are taken for checkpoints now and then, and what to say of them.
var magics = []struct {
	offset int
	magic  string
	what   string
}{
	{0, "GGUF", "is a GGUF model already: run it as it is, or name the .pth it was made of"},
	{0, "FUGG", "seems to be a big-endian GGUF model, which is not supported: name the .pth it was made of"},
	{0, "lmgg", "is an old ggml model: name the .pth it was made of"},
	{0, "tjgg", "is an old ggml (ggjt) model: name the .pth it was made of"},
	{0, "\x89HDF", "is an HDF5 file: name an RWKV .pth checkpoint"},
	{0, "\x93NUMPY", "is a NumPy array: name an RWKV .pth checkpoint"},
	{257, "ustar", "is a tar archive, as the first versions of PyTorch wrote: save it again with a PyTorch of today, or unpack it if it holds a .pth"},
}

// recognize says what a file that begins with head is if it is known to be something else than a .pth, or nothing.
func recognize(head []byte) string {
	for _, m := range magics {
		if len(head) > m.offset && bytes.HasPrefix(head[m.offset:], []byte(m.magic)) {
			return m.what
		}
	}
	if what := filekind.Recognize(head, "model"); what != "" {
		return what
	}
	switch {
	case isSafetensors(head):
		return "is a safetensors file cut short within its header: download it again"
	case bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"), []byte("{")):
		return "is JSON text, not a model: an error of the download, or the description of a model kept beside it"
	case isONNX(head):
		return "seems to be an ONNX model: name the .pth it was made of"
	}
	return ""
}

// isSafetensors tells the length of a JSON header followed by the header.
func isSafetensors(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) < 100<<20
}

// isONNX tells the fields that a model in ONNX's protocol buffers begins with: its version and its producer.
func isONNX(head []byte) bool {
	return len(head) > 2 && head[0] == 0x08 && head[1] > 0 && head[1] < 32 && (head[2] == 0x12 || head[2] == 0x1a || head[2] == 0x3a)
}
