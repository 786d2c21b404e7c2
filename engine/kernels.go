package engine

import (
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/pages"
	"github.com/gosling-rwkv/gosling/kernels"
)

// kernels returns the choice of the matrices that our own kernels multiply with. A kernel of a type that check, which is kernels.Check,
// finds wrong is not used.
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
		return ok && right(typ) && (typ != gguf.F32 || right(gguf.BF16)) // see packedType
	}
}

// pack packs the matrices for our own kernels, in one piece of memory, on all threads.
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
		sizes[i], _ = kernels.Size(m.level, types[i], t.info.Shape[0], t.info.Shape[1])
		offsets[i] = total
		total += (sizes[i] + align - 1) / align * align
	}
	var err error
	if w.packed, err = pages.Alloc(total); err != nil {
		return fmt.Errorf("the packed weights: %w", err)
	}
	m.options.Log.Info("packed for our kernels", "level", m.level, "tensors", len(tensors), "MiB", total>>20)
	w.matrices = map[string]*kernels.Matrix{}
	var group errgroup.Group
	group.SetLimit(max(1, min(m.options.Threads, runtime.NumCPU())))
	for i, t := range tensors {
		matrix, err := kernels.NewMatrix(m.level, types[i], t.info.Shape[0], t.info.Shape[1], w.packed.Bytes()[offsets[i]:][:sizes[i]])
		if err != nil {
			return err
		}
		w.matrices[t.spec.Name] = matrix
		m.packRows(&group, matrix, t, types[i])
	}
	return group.Wait()
}

// packedType is the type that a matrix is packed as: its own, or BF16 for F32 if all weights are bfloat16 numbers. Then half as much is
// read, and the products are the same to the bit.
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

// upperHalves turns F32 numbers that are bfloat16 numbers into these, in place.
func upperHalves(data []byte) []byte {
	for i := 0; i < len(data); i += 4 {
		data[i/2], data[i/2+1] = data[i+2], data[i+3]
	}
	return data[:len(data)/2]
}

// packRows reads and packs a matrix, as a type, in runs of rows.
func (m *Model) packRows(group *errgroup.Group, matrix *kernels.Matrix, t tensor, as gguf.Type) {
	rowBytes := t.info.Size / t.info.Shape[1]
	run := max(1, packPiece/(kernels.GroupRows*rowBytes)) * kernels.GroupRows
	for first := int64(0); first < t.info.Shape[1]; first += run {
		group.Go(func() error {
			n := min(run, t.info.Shape[1]-first) * rowBytes
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

// packPiece is how many bytes of a file are packed at once, or 8 rows.
const packPiece = 1 << 20

// buffers are kept from piece to piece.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// product returns what multiplies with packed matrices in a graph: one operation rounds the columns, where the matrix's type wants
// that, and one multiplies.
func (m *Model) product(g *ggml.Graph, calls *kernels.Calls) func(x, w ggml.Tensor) (ggml.Tensor, bool) {
	several := len(m.backends) > 1
	onCPU := func(t ggml.Tensor) ggml.Tensor {
		if several {
			return g.On(m.lib.CPU(), t)
		}
		return t
	}
	return func(x, w ggml.Tensor) (ggml.Tensor, bool) {
		matrix := m.weights.matrices[w.Name()]
		columns := x.Rows()
		if matrix == nil || columns == 0 {
			return ggml.Tensor{}, false
		}
		if several {
			x = onCPU(x.Cont()) // the scheduler may hand over a copy of x, but not of this
		}
		add := func(name string, x ggml.Tensor, call *kernels.Call, err error, typ gguf.Type, shape [4]int64) ggml.Tensor {
			if err != nil {
				g.Fail(fmt.Errorf("multiplying with %q: %w", w.Name(), err))
				return x
			}
			return onCPU(g.Custom(ggml.Custom{
				Name: name, Operands: []ggml.Tensor{x}, Type: typ, Shape: shape, Function: kernels.Entry(), Call: call.Pointer(),
				Place: func(y uintptr, x, _ []uintptr) error { return call.Place(x[0], y) },
			}))
		}
		y := x
		if n := matrix.ColumnBytes(); n > 0 {
			call, err := calls.Rounding(matrix, columns)
			y = add("round", y, call, err, gguf.I8, [4]int64{n, columns, 1, 1})
		}
		call, err := calls.Product(matrix, columns)
		return add("product", y, call, err, gguf.F32, [4]int64{matrix.Out(), x.Dim(1), x.Dim(2), x.Dim(3)}), true
	}
}
