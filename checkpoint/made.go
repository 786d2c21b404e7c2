package checkpoint

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Made returns the data of a tensor that is computed as a whole. make computes it and returns size bytes. The first read calls make. The
// bytes are kept until the last of them is read, so a checkpoint that is read from front to back holds one such tensor at a time.
func Made(size int64, make func() ([]byte, error)) io.ReaderAt { return &made{size: size, make: make} }

type made struct {
	size int64
	make func() ([]byte, error)

	mu   sync.Mutex
	data []byte
}

// ReadAt reads what has been made. It is safe for concurrent use.
func (m *made) ReadAt(p []byte, off int64) (int, error) {
	data, err := m.whole(off + int64(len(p)))
	if err != nil {
		return 0, err
	}
	return bytes.NewReader(data).ReadAt(p, off)
}

// whole makes the tensor unless it is there, and lets go of it when it is read up to its end.
func (m *made) whole(end int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data := m.data
	if data == nil {
		var err error
		if data, err = m.make(); err != nil {
			return nil, err
		}
	}
	m.data = data
	if end >= m.size {
		m.data = nil
	}
	return data, nil
}

// Transposed returns the tensor with its last two dimensions swapped.
func (t Tensor) Transposed() (Tensor, error) {
	n := len(t.Shape)
	if n < 2 {
		return t, fmt.Errorf("has shape %v, want a matrix", t.Shape)
	}
	rows, cols, size := t.Shape[n-2], t.Shape[n-1], t.DType.Size()
	from := t
	t.Shape = slices.Clone(t.Shape)
	t.Shape[n-2], t.Shape[n-1] = cols, rows
	whole := t.Elements() * size
	t.Data = Made(whole, func() ([]byte, error) {
		src, dst := make([]byte, whole), make([]byte, whole)
		if err := from.ReadBytes(src, 0); err != nil {
			return nil, err
		}
		for base := int64(0); base < whole; base += rows * cols * size {
			for r := range rows {
				for c := range cols {
					copy(dst[base+(c*rows+r)*size:][:size], src[base+(r*cols+c)*size:][:size])
				}
			}
		}
		return dst, nil
	})
	return t, nil
}

// Part returns a part of the tensor as a tensor of the given shape: its elements in row-major order, from index first on.
func (t Tensor) Part(name string, first int64, shape ...int64) Tensor {
	part := Tensor{Name: name, DType: t.DType, Shape: shape}
	size := t.DType.Size()
	part.Data = io.NewSectionReader(t.Data, first*size, part.Elements()*size)
	return part
}
