package formats

import (
	"bytes"
	"encoding/binary"
	"fmt"
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
	{0, "version https://git-lfs", "is a Git LFS pointer, not the model itself: run \"git lfs pull\" beside it, or download the file"},
	{0, "PK\x05\x06", "is an empty zip archive: download it again"},
	{0, "\x1f\x8b", "is compressed with gzip: unpack it first"},
	{0, "\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first"},
	{0, "\xfd7zXZ\x00", "is compressed with xz: unpack it first"},
	{0, "BZh", "is compressed with bzip2: unpack it first"},
	{0, "7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first"},
	{0, "Rar!", "is a RAR archive: unpack it first"},
	{0, "\x89HDF", "is an HDF5 file: name an RWKV .pth checkpoint"},
	{0, "\x93NUMPY", "is a NumPy array: name an RWKV .pth checkpoint"},
	{257, "ustar", "is a tar archive, as the first versions of PyTorch wrote: save it again with a PyTorch of today, or unpack it if it holds a .pth"},
}

// recognize says what is wrong with a file that begins with head, or nothing if it may be a .pth.
func recognize(head []byte) string {
	for _, m := range magics {
		if len(head) > m.offset && bytes.HasPrefix(head[m.offset:], []byte(m.magic)) {
			return m.what
		}
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	switch {
	case len(head) == 0:
		return "is empty: download it again"
	case bytes.Count(head, []byte{0}) == len(head):
		return "begins with nothing but zeros: an unfinished download, get it again"
	case bytes.HasPrefix(text, []byte("<")):
		return "is a web page or XML, not a model: the download gave an error, open the file in a browser to see which"
	case isSafetensors(head):
		return "is a safetensors file cut short within its header: download it again"
	case bytes.HasPrefix(text, []byte("{")):
		return "is JSON text, not a model: an error of the download, or the description of a model kept beside it"
	case isONNX(head):
		return "seems to be an ONNX model: name the .pth it was made of"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte{0x80}):
		return ""
	}
	return fmt.Sprintf("is no .pth checkpoint: it begins with %q", head[:min(len(head), 8)])
}

// isSafetensors tells the length of a JSON header followed by the header.
func isSafetensors(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) < 100<<20
}

// isONNX tells the fields that a model in ONNX's protocol buffers begins with: its version and its producer.
func isONNX(head []byte) bool {
	return len(head) > 2 && head[0] == 0x08 && head[1] > 0 && head[1] < 32 && (head[2] == 0x12 || head[2] == 0x1a || head[2] == 0x3a)
}
