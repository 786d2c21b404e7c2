package fuzzing

import (
	"bytes"
	"io"
	"strings"
)

// Tensor is a tensor that a fuzzer made up: a name, dimensions of 0 to 15, and its elements of 1, 2, 4 or 8 bytes.
type Tensor struct {
	Name  string
	Shape []int64
	Size  int64 // of an element in bytes
	Data  io.ReaderAt
}

// Tensors makes tensors of a fuzzer's input: their names, one a line, and for each a byte of the number of dimensions and the
// size of an element, and the dimensions, in half a byte each. The elements repeat data. There are 64 tensors at most.
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

// repeated is n bytes of data, again and again, or zeros.
func repeated(data []byte, n int64) io.ReaderAt {
	if len(data) == 0 {
		data = []byte{0}
	}
	return bytes.NewReader(bytes.Repeat(data, int(n)/len(data)+1)[:n])
}
