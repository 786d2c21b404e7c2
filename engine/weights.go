package engine

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/pages"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// tensor is a weight of the file and what its architecture says of it.
type tensor struct {
	spec  rwkv.TensorSpec
	info  gguf.Tensor
	layer int // config.Layers or more for tensors of no layer
}

// onHost reports whether the tensor stays in the file's memory whatever the device: of the embedding each token reads a row.
func (t tensor) onHost() bool {
	return t.spec.Class == rwkv.Embedding || strings.HasPrefix(t.spec.Name, rwkv.TokenEmbdNorm)
}

// graphTensors are the tensors of the table that graphs read, of a file that archs.Match has nothing against.
func graphTensors(f *gguf.File, specs []rwkv.TensorSpec) []tensor {
	var found []tensor
	for _, s := range specs {
		if s.Optional || s.Class == rwkv.Tuned {
			continue
		}
		info, _ := f.Tensor(s.Name)
		layer, _ := rwkv.SplitName(s.Name)
		if layer < 0 {
			layer = math.MaxInt
		}
		found = append(found, tensor{spec: s, info: info, layer: layer})
	}
	return found
}

// weights are the tensors of a model and the memory they lie in.
type weights struct {
	byName    map[string]ggml.Tensor
	ctx       *ggml.Context
	mapped    []*ggml.Buffer // on the file, or on each of its parts
	allocated []*ggml.Buffer // holding copies
	read      int64          // bytes that one token reads

	matrices map[string]packed // those that are packed, by the tensor's name
	packed   *pages.Memory     // where they lie
}

func (w *weights) close() {
	if w == nil {
		return
	}
	for _, b := range slices.Concat(w.allocated, w.mapped) {
		b.Close()
	}
	w.packed.Free()
	w.ctx.Close()
}

// home is where a tensor goes: a kind of buffer, or the mapped file for the CPU's plain kind.
type home struct {
	kind   ggml.BufferType
	packed bool // for our own kernels, in no buffer of ggml's
	mapped bool
	plain  bool // a buffer of the device's own kind, which takes a tensor in pieces
	floats bool // it is uploaded as F32: elementwise operations need that, whatever the file has, and some want it prepared
}

// loadWeights puts every tensor where it is computed on. What the CPU can use as it is stays in the mapped file.
func (m *Model) loadWeights(tensors []tensor) (*weights, error) {
	ctx, err := m.lib.NewContext(len(tensors))
	if err != nil {
		return nil, err
	}
	w := &weights{byName: map[string]ggml.Tensor{}, ctx: ctx}
	choose := m.homes()
	byKind := map[string][]int{} // kind of buffer -> tensors
	var packed []tensor
	homes := make([]home, len(tensors))
	placed := make([]ggml.Tensor, len(tensors))
	for i, t := range tensors {
		homes[i] = choose(t)
		typ := t.info.Type
		if homes[i].floats {
			typ = gguf.F32
		}
		if placed[i], err = ctx.New(typ, t.info.Shape...); err != nil {
			w.close()
			return nil, fmt.Errorf("tensor %q: %w", t.spec.Name, err)
		}
		w.byName[t.spec.Name] = placed[i].Named(t.spec.Name)
		if t.spec.Class != rwkv.Embedding {
			w.read += t.info.Size
		}
		if homes[i].packed {
			w.byName[t.spec.Name] = w.byName[t.spec.Name].Elsewhere()
			packed = append(packed, t)
			continue
		}
		key := homes[i].kind.Name()
		if homes[i].mapped {
			key = fmt.Sprintf("mapped file %d", t.info.Part)
		}
		byKind[key] = append(byKind[key], i)
	}
	for _, key := range sortedKeys(byKind) {
		if err := m.fill(w, byKind[key], tensors, homes, placed); err != nil {
			w.close()
			return nil, err
		}
	}
	if err := m.pack(w, packed); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// fill makes the buffer of one kind, or of one part of the mapped file, and moves its tensors in.
func (m *Model) fill(w *weights, members []int, tensors []tensor, homes []home, placed []ggml.Tensor) error {
	list, offsets := make([]ggml.Tensor, len(members)), make([]int64, len(members))
	size := int64(0)
	for j, i := range members {
		list[j], offsets[j] = placed[i], tensors[i].info.Offset
		size += tensors[i].info.Size
	}
	kind := homes[members[0]].kind
	if homes[members[0]].mapped {
		m.options.Log.Debug("weights", "in", "mapped file", "tensors", len(members), "MiB", size>>20)
		b, err := m.lib.CPU().Map(m.file.Bytes(tensors[members[0]].info.Part), list, offsets)
		if err == nil {
			w.mapped = append(w.mapped, b)
		}
		return err
	}
	b, err := kind.Alloc(list, ggml.UsageWeights)
	if err != nil {
		return err
	}
	w.allocated = append(w.allocated, b)
	m.options.Log.Debug("weights", "in", kind.Name(), "tensors", len(members), "MiB", size>>20)
	var group errgroup.Group
	group.SetLimit(1)
	if kind.Host() {
		group.SetLimit(max(1, min(m.options.Threads, runtime.NumCPU())))
	}
	for _, i := range members {
		group.Go(func() error {
			if err := m.upload(placed[i], tensors[i], homes[i]); err != nil {
				return fmt.Errorf("tensor %q: %w", tensors[i].spec.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// Tensors are uploaded in pieces of uploadPiece bytes where that is possible. Those that are uploaded whole at the same time
// take at most uploadMemory, or are one.
const (
	uploadPiece  = 4 << 20
	uploadMemory = 128 << 20
)

// upload copies a tensor out of the file.
func (m *Model) upload(to ggml.Tensor, t tensor, h home) error {
	if h.floats {
		x, err := m.floats(t.info)
		if err != nil {
			return err
		}
		if t.spec.Prepare != nil {
			t.spec.Prepare(x)
		}
		return to.SetFloats(x)
	}
	size := t.info.Size
	if h.plain {
		size = min(size, uploadPiece)
	}
	share := min(size, uploadMemory)
	if err := m.uploads.Acquire(context.Background(), share); err != nil {
		return err
	}
	defer m.uploads.Release(share)
	data := make([]byte, size)
	for at := int64(0); at < t.info.Size; at += size {
		part := data[:min(size, t.info.Size-at)]
		if err := m.file.ReadAt(t.info, part, at); err != nil {
			return err
		}
		if err := to.SetPart(part, at); err != nil {
			return err
		}
	}
	return nil
}

// Floats reads the elements of a tensor of the file.
func (m *Model) Floats(name string) ([]float32, error) {
	t, err := m.tensor(name)
	if err != nil {
		return nil, err
	}
	return m.floats(t)
}

// Row reads a row of a matrix of the file into dst, which has its length.
func (m *Model) Row(name string, row int64, dst []float32) error {
	t, err := m.tensor(name)
	if err != nil {
		return err
	}
	size, err := t.Type.RowBytes(int64(len(dst)))
	if err != nil {
		return err
	}
	if row < 0 || int64(len(dst)) != t.Shape[0] || (row+1)*size > t.Size {
		return fmt.Errorf("%s: tensor %q, %v, has no row %d of %d elements", m.file.Path(), name, t.Shape, row, len(dst))
	}
	data := make([]byte, size)
	if err := m.file.ReadAt(t, data, row*size); err != nil {
		return err
	}
	return m.lib.Dequantize(t.Type, dst, data)
}

// tensor returns a tensor of the file by its name.
func (m *Model) tensor(name string) (gguf.Tensor, error) {
	t, ok := m.file.Tensor(name)
	if !ok {
		return t, fmt.Errorf("%s: has no tensor %q", m.file.Path(), name)
	}
	return t, nil
}

// floats reads the elements of a tensor of the file.
func (m *Model) floats(t gguf.Tensor) ([]float32, error) {
	data, x := make([]byte, t.Size), make([]float32, t.Elements())
	if err := m.file.ReadAt(t, data, 0); err != nil {
		return nil, err
	}
	return x, m.lib.Dequantize(t.Type, x, data)
}

// homes returns the choice of a home for each tensor. Which kind of buffer suits a matrix is asked once for each shape.
func (m *Model) homes() func(tensor) home {
	type shape struct {
		device  string
		typ     gguf.Type
		in, out int64
	}
	known := map[shape]ggml.BufferType{}
	cpu, hasKernel := m.lib.CPU(), m.kernels(kernels.Check)
	return func(t tensor) home {
		device := m.head
		if t.onHost() {
			device = cpu
		} else if t.layer < len(m.devices) {
			device = m.devices[t.layer]
		}
		h := home{kind: device.BufferType(), floats: t.spec.Class == rwkv.Vector && (t.info.Type != gguf.F32 || t.spec.Prepare != nil)}
		matrix := t.spec.Class != rwkv.Vector && t.spec.Class != rwkv.Embedding && len(t.info.Shape) >= 2
		if matrix && device.IsHost() && hasKernel(t) {
			h.packed = true
			return h
		}
		if matrix && t.stacked() == 1 {
			key := shape{device.Name, t.info.Type, t.info.Shape[0], t.info.Shape[1]}
			kind, ok := known[key]
			if !ok {
				kind = h.kind
				for _, k := range device.BufferTypes() {
					if k.HoldsMatrix(key.typ, key.in, key.out) {
						kind = k
						break
					}
				}
				known[key] = kind
			}
			h.kind = kind
		}
		h.plain = h.kind == device.BufferType()
		h.mapped = !m.options.NoMmap && device.IsHost() && h.plain && !h.floats &&
			cpu.MapsHost() && t.info.Offset%int64(cpu.HostAlignment()) == 0
		return h
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
