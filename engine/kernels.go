package engine

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/pages"
	"github.com/gosling-rwkv/gosling/kernels"
)

// stacked returns the number of matrices [in, out] in a tensor [in, out, ...].
func (t tensor) stacked() int64 {
	n := int64(1)
	for _, d := range t.info.Shape[2:] {
		n *= d
	}
	return n
}

// kernels returns a function that reports whether our own kernels multiply with the matrices of a tensor. check tests the kernels of a
// type, as kernels.Check does. Types whose kernels fail the test are left to ggml.
func (m *Model) kernels(check func(kernels.Level, gguf.Type) error) func(tensor) bool {
	known := map[gguf.Type]bool{}
	right := func(typ gguf.Type) bool {
		if _, ok := known[typ]; !ok {
			err := check(m.level, typ)
			if known[typ] = err == nil; err != nil {
				m.options.Log.Warn("ggml multiplies with matrices of this type, because our kernel is wrong on this processor", "type", typ, "error", err)
			}
		}
		return known[typ]
	}
	return func(t tensor) bool {
		typ := t.info.Type
		_, ok := kernels.Size(m.level, typ, t.info.Shape[0], t.info.Shape[1])
		if t.stacked() > 1 && t.info.Shape[1]%kernels.GroupRows != 0 {
			ok = false // Pack would need a group with rows of two matrices
		}
		return ok && right(typ) && (typ != gguf.F32 || right(gguf.BF16)) // see packedType
	}
}

// packed holds a tensor's matrices for our own kernels.
type packed struct {
	all   *kernels.Matrix   // one matrix with the rows of all of them
	parts []*kernels.Matrix // each matrix of several, in the memory of all; nil if there is only one
}

// pack reads the tensors and packs their matrices for our own kernels. All are in one piece of memory. It uses all threads.
func (m *Model) pack(w *weights, tensors []tensor) error {
	if len(tensors) == 0 {
		return nil
	}
	const align = 64
	offsets, sizes, total := make([]int64, len(tensors)), make([]int64, len(tensors)), int64(0)
	types := make([]gguf.Type, len(tensors))
	for i, t := range tensors {
		var err error
		if types[i], err = m.packedType(t.info); err != nil {
			return fmt.Errorf("tensor %q: %w", t.spec.Name, err)
		}
		sizes[i], _ = kernels.Size(m.level, types[i], t.info.Shape[0], t.info.Shape[1]*t.stacked())
		offsets[i] = total
		total += (sizes[i] + align - 1) / align * align
	}
	var err error
	if w.packed, err = pages.Alloc(total); err != nil {
		return fmt.Errorf("the packed weights: %w", err)
	}
	m.options.Log.Info("packed for our kernels", "level", m.level, "tensors", len(tensors), "MiB", total>>20)
	w.matrices = map[string]packed{}
	for i, t := range tensors {
		if w.matrices[t.spec.Name], err = m.matrices(t, types[i], w.packed.Bytes()[offsets[i]:][:sizes[i]]); err != nil {
			return err
		}
	}
	var group errgroup.Group
	group.SetLimit(max(1, min(m.options.Threads, runtime.NumCPU())))
	for i, t := range tensors {
		m.packRows(&group, w.matrices[t.spec.Name].all, t, types[i])
	}
	return group.Wait()
}

// packedType returns the type that a tensor is packed as. It is the tensor's own type, with one exception: if all weights of an F32 tensor
// are bfloat16 numbers, it is BF16. Then products read half as many bytes, and their bits are the same.
func (m *Model) packedType(t gguf.Tensor) (gguf.Type, error) {
	if t.Type != gguf.F32 {
		return t.Type, nil
	}
	data := make([]byte, min(packPiece, t.Size))
	for at := int64(0); at < t.Size; at += int64(len(data)) {
		data = data[:min(int64(len(data)), t.Size-at)]
		if err := m.file.ReadAt(t, data, at); err != nil {
			return 0, err
		}
		for i := 0; i < len(data); i += 4 {
			if data[i] != 0 || data[i+1] != 0 {
				return gguf.F32, nil
			}
		}
	}
	return gguf.BF16, nil
}

// upperHalves converts F32 numbers to BF16 by dropping their lower halves. It works in place and returns the BF16 part of data.
func upperHalves(data []byte) []byte {
	for i := 0; i < len(data); i += 4 {
		data[i/2], data[i/2+1] = data[i+2], data[i+3]
	}
	return data[:len(data)/2]
}

// matrices makes the matrices of a tensor, in the type as. data is their memory.
func (m *Model) matrices(t tensor, as gguf.Type, data []byte) (p packed, err error) {
	in, out, n := t.info.Shape[0], t.info.Shape[1], t.stacked()
	if p.all, err = kernels.NewMatrix(m.level, as, in, out*n, data); err != nil || n == 1 {
		return p, err
	}
	for part := range slices.Chunk(data, len(data)/int(n)) {
		matrix, err := kernels.NewMatrix(m.level, as, in, out, part)
		if err != nil {
			return p, err
		}
		p.parts = append(p.parts, matrix)
	}
	return p, nil
}

// packRows reads a tensor and packs it into matrix, whose type is as. The goroutines of group each pack a run of rows.
func (m *Model) packRows(group *errgroup.Group, matrix *kernels.Matrix, t tensor, as gguf.Type) {
	rowBytes := t.info.Size / matrix.Out()
	run := max(1, packPiece/(kernels.GroupRows*rowBytes)) * kernels.GroupRows
	for first := int64(0); first < matrix.Out(); first += run {
		group.Go(func() error {
			n := min(run, matrix.Out()-first) * rowBytes
			data := buffers.Get().(*[]byte)
			defer buffers.Put(data)
			if int64(cap(*data)) < n {
				*data = make([]byte, n)
			}
			rows := (*data)[:n]
			err := m.file.ReadAt(t.info, rows, first*rowBytes)
			if as != t.info.Type {
				rows = upperHalves(rows)
			}
			if err == nil {
				err = matrix.Pack(first, rows)
			}
			if err != nil {
				return fmt.Errorf("tensor %q: %w", t.spec.Name, err)
			}
			return nil
		})
	}
}

// packPiece is the number of bytes of a file that are packed at once. At least kernels.GroupRows rows are packed at once.
const packPiece = 1 << 20

// buffers keeps the memory of pieces for the next ones.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// product multiplies x with the packed matrix w. It reports false if ggml must multiply.
func (b operations) product(x, w ggml.Tensor) (ggml.Tensor, bool) {
	matrices, ok := b.model.weights.matrices[w.Name()]
	part, isPart := w.Part()
	n := int64(len(matrices.parts))
	switch {
	case !ok || x.Rows() == 0:
		return ggml.Tensor{}, false
	case isPart:
		return b.multiply(x, w.Name(), matrices.parts[part]), true
	case n == 0:
		return b.multiply(x, w.Name(), matrices.all), true
	case x.Dim(1) == 1 && x.Dim(2) == n && x.Dim(3) == 1:
		// x has one column for each matrix. One operation multiplies all columns with all matrices, [out, n·n]. The result is every
		// (n+1)th product: column i with matrix i.
		y := b.multiply(x, w.Name(), matrices.all)
		return y.Reshape(w.Dim(1), 1, n*n).Every(2, 0, n+1, n).Cont(), true
	}
	return ggml.Tensor{}, false
}

// multiply multiplies x, [in, ...], with a packed matrix. If the matrix's type needs rounded columns, one operation rounds them. Another
// operation multiplies.
func (b operations) multiply(x ggml.Tensor, name string, matrix *kernels.Matrix) ggml.Tensor {
	g, several := b.graph, len(b.model.backends) > 1
	onCPU := func(t ggml.Tensor) ggml.Tensor {
		if several {
			return g.On(b.model.lib.CPU(), t)
		}
		return t
	}
	if several {
		x = onCPU(x.Cont()) // the scheduler may pass a copy of x, but never a copy of a tensor that is pinned to the CPU
	}
	add := func(c ggml.Custom, call *kernels.Call, err error) ggml.Tensor {
		if err != nil {
			g.Fail(fmt.Errorf("multiplying with %q: %w", name, err))
			return x
		}
		return onCPU(b.place(c, call, nil))
	}
	columns, y := x.Rows(), x
	if n := matrix.ColumnBytes(); n > 0 {
		call, err := b.calls.Rounding(matrix, columns)
		y = add(ggml.Custom{Name: "round", Operands: []ggml.Tensor{y}, Type: gguf.I8, Shape: [4]int64{n, columns, 1, 1}}, call, err)
	}
	call, err := b.calls.Product(matrix, columns)
	shape := [4]int64{matrix.Out(), x.Dim(1), x.Dim(2), x.Dim(3)}
	return add(ggml.Custom{Name: "product", Operands: []ggml.Tensor{y}, Type: gguf.F32, Shape: shape}, call, err)
}
