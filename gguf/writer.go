package gguf

import (
	"fmt"
	"io"
	"slices"
	"sync"
)

// Writer writes the tensors of a file after NewWriter has written the header. It may be shared between goroutines.
type Writer struct {
	w       io.WriterAt
	head    int64 // bytes of the header without padding
	tensors []Tensor
	size    int64

	mu   sync.Mutex
	done []spans // of each tensor, what is written
}

// NewWriter lays out a file and writes its header at the start of w. It writes nothing when the header breaks a rule
// of the format or of ggml, which reads names of at most 63 bytes.
func NewWriter(w io.WriterAt, h Header) (*Writer, error) {
	head, tensors, size, err := h.layOut()
	if err != nil {
		return nil, err
	}
	if _, err := w.WriteAt(head, 0); err != nil {
		return nil, err
	}
	return &Writer{w: w, head: int64(len(head)), tensors: tensors, size: size, done: make([]spans, len(tensors))}, nil
}

// Tensors returns the tensors of the header with their offsets and sizes.
func (w *Writer) Tensors() []Tensor { return slices.Clone(w.tensors) }

// Size is the length of the whole file in bytes.
func (w *Writer) Size() int64 { return w.size }

// WriteAt writes bytes of tensor i at an offset within it. Pieces may come in any order and at the same time.
func (w *Writer) WriteAt(i int, p []byte, off int64) error {
	if i < 0 || i >= len(w.tensors) {
		return fmt.Errorf("tensor %d of a file of %d", i, len(w.tensors))
	}
	t := w.tensors[i]
	if off < 0 || off > t.Size || int64(len(p)) > t.Size-off {
		return fmt.Errorf("%s has %d bytes, %d written at %d do not fit", quote("tensor", t.Name), t.Size, len(p), off)
	}
	if _, err := w.w.WriteAt(p, t.Offset+off); err != nil {
		return fmt.Errorf("%s: %w", quote("tensor", t.Name), err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[i] = w.done[i].add(off, off+int64(len(p)))
	return nil
}

// Close writes the padding after the header and after each tensor. It returns an error if bytes of a tensor were never written. The file
// under the writer stays open.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, t := range w.tensors {
		if at, ok := w.done[i].gap(t.Size); ok {
			return fmt.Errorf("%s: byte %d of %d was never written", quote("tensor", t.Name), at, t.Size)
		}
	}
	end, after := w.head, "the header"
	for _, t := range w.tensors {
		if err := w.zero(end, t.Offset, after); err != nil {
			return err
		}
		end, after = t.end(), quote("tensor", t.Name)
	}
	return w.zero(end, w.size, after)
}

// zero writes padding, which a large alignment makes long.
func (w *Writer) zero(from, to int64, after string) error {
	zeros := make([]byte, min(to-from, 1<<16))
	for from < to {
		n := min(to-from, int64(len(zeros)))
		if _, err := w.w.WriteAt(zeros[:n], from); err != nil {
			return fmt.Errorf("padding after %s: %w", after, err)
		}
		from += n
	}
	return nil
}

// spans is a set of bytes: ranges from one offset to another, in order and apart from each other.
type spans [][2]int64

// add returns the set with the bytes from start to end.
func (s spans) add(start, end int64) spans {
	if start == end {
		return s
	}
	i := slices.IndexFunc(s, func(r [2]int64) bool { return r[1] >= start })
	if i < 0 {
		return append(s, [2]int64{start, end})
	}
	j := i
	for ; j < len(s) && s[j][0] <= end; j++ {
		start, end = min(start, s[j][0]), max(end, s[j][1])
	}
	return slices.Replace(s, i, j, [2]int64{start, end})
}

// gap returns the first byte before size that the set lacks.
func (s spans) gap(size int64) (int64, bool) {
	if len(s) == 0 || s[0][0] > 0 {
		return 0, size > 0
	}
	return s[0][1], s[0][1] < size
}
