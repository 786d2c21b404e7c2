package fuzzing

import (
	"bytes"
	"io"
	"strings"
)

// Tensor is a tensor from a fuzzer: a name, dimensions of 0 to 15, and elements of 1, 2, 4 or 8 bytes.
type Tensor struct {
	Name  string
	Shape []int64
	Size  int64 // of an element in bytes
	Data  io.ReaderAt
}

// Tensors makes at most 64 tensors from a fuzzer's input. names has one name per line. dims has for each tensor a byte with the
// number of dimensions and the element size, and a byte per dimension. The elements repeat data.
func Tensors(names string, dims, data []byte) []Tensor {
	var all []Tensor
	next := func() (b byte) {
		if len(dims) > 0 {
			b, dims = dims[0], dims[1:]
		}
		return b
	}
	for i, name := range strings.Split(names, "\n") {
		if i == 64 {
			break
		}
		head := next()
		t := Tensor{Name: name, Size: 1 << (head >> 2 & 3)}
		bytes := t.Size
		for range head & 3 {
			n := int64(next())
			t.Shape = append(t.Shape, n&15)
			bytes *= n & 15
		}
		t.Data = repeated(data, bytes)
		all = append(all, t)
	}
	return all
}

// repeated returns n bytes that repeat data, or zeros if data is empty.
func repeated(data []byte, n int64) io.ReaderAt {
	if len(data) == 0 {
		data = []byte{0}
	}
	return bytes.NewReader(bytes.Repeat(data, int(n)/len(data)+1)[:n])
}
