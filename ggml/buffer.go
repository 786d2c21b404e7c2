package ggml

import (
	"fmt"
	"unsafe"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/gguf"
)

// BufferType is a kind of memory that a device computes on.
type BufferType struct {
	device Device
	p      bindings.BufferType
}

// Name returns ggml's name of the kind, such as "CPU", "AMX" or "CUDA0".
func (t BufferType) Name() string { return t.device.lib.c.BuftName(t.p) }

// Host reports whether buffers of the kind are in the memory of the CPU. Their bytes may be arranged in another way than in a file.
func (t BufferType) Host() bool { return t.device.IsHost() }

// Usage says what a buffer is for. The scheduler runs an operation on the device that has its weights.
type Usage int32

// The usages of buffers.
const (
	UsageWeights = Usage(bindings.UsageWeights)
	UsageState   = Usage(bindings.UsageAny)
)

// HoldsMatrix reports whether a buffer of the kind can hold a matrix [in, out] of the type, and the device can multiply with it there.
func (t BufferType) HoldsMatrix(typ gguf.Type, in, out int64) bool {
	if t.Name() == "AMX" && typ.BlockSize() == 32 && in == 32 {
		return false // of a row's only block, ggml's AMX kernel adds the product to whatever lies in the result
	}
	lib := t.device.lib
	ctx, err := lib.NewContext(1)
	if err != nil {
		return false
	}
	defer ctx.Close()
	w, err := ctx.New(typ, in, out)
	if err != nil {
		return false
	}
	b, err := t.Alloc([]Tensor{w}, UsageWeights) // memory that is never touched costs nothing
	if err != nil {
		return false
	}
	defer b.Close()
	g := lib.NewGraph()
	defer g.Close()
	y := g.Input(gguf.F32, in, 64).MatMul(w)
	return g.Err() == nil && lib.c.DevSupportsOp(t.device.p, y.p)
}

// Buffer owns the bytes of tensors on a device.
type Buffer struct {
	handle
	lib   *Library
	parts []bindings.Buffer // several where the device limits the size of one
	host  bool
}

// Alloc allocates a buffer of the kind and places all the tensors in it. No tensor may have a buffer yet. The caller closes the buffer.
func (t BufferType) Alloc(tensors []Tensor, usage Usage) (*Buffer, error) {
	c := t.device.lib.c
	align, most := int64(c.BuftAlignment(t.p)), int64(min(c.BuftMaxSize(t.p), 1<<62))
	b := &Buffer{handle: newHandle(), lib: t.device.lib, host: t.Host()}
	for len(tensors) > 0 {
		var offsets []int64
		size := int64(0)
		for _, x := range tensors {
			n := (int64(c.BuftAllocSize(t.p, x.p)) + align - 1) / align * align
			if len(offsets) > 0 && size+n > most {
				break
			}
			offsets = append(offsets, size)
			size += n
		}
		if err := t.allocPart(b, tensors[:len(offsets)], offsets, max(size, align), usage); err != nil {
			b.Close()
			return nil, err
		}
		tensors = tensors[len(offsets):]
	}
	return b, nil
}

func (t BufferType) allocPart(b *Buffer, tensors []Tensor, offsets []int64, size int64, usage Usage) error {
	c := t.device.lib.c
	p := c.BuftAllocBuffer(t.p, uintptr(size))
	if p == 0 {
		free, _ := t.device.Memory()
		return fmt.Errorf("%s: no room for %.1f MiB, %.1f MiB are free", t.Name(), mib(size), mib(free))
	}
	b.parts = append(b.parts, p)
	c.BufferSetUsage(p, bindings.BufferUsage(usage))
	return b.place(p, tensors, offsets)
}

// place gives each tensor its bytes in part p.
func (b *Buffer) place(p bindings.Buffer, tensors []Tensor, offsets []int64) error {
	base := b.lib.c.BufferBase(p)
	for i, x := range tensors {
		if status := b.lib.c.TensorAlloc(p, x.p, base+uintptr(offsets[i])); status != bindings.StatusSuccess {
			return fmt.Errorf("cannot place a tensor of %d bytes: status %d", x.bytes(), status)
		}
	}
	return nil
}

// MapsHost reports whether the device can compute on memory that it did not allocate, such as a mapped file.
func (d Device) MapsHost() bool { return d.props.BufferFromHost }

// HostAlignment returns the alignment of tensors in mapped memory in bytes. The address of a tensor must be a multiple of it.
func (d Device) HostAlignment() int { return int(d.lib.c.BuftAlignment(d.BufferType().p)) }

// Map makes a buffer from memory, and places tensors in it at offsets, in bytes. The caller must keep the memory alive at the same address
// until Close. The address of each tensor must be a multiple of HostAlignment.
func (d Device) Map(memory []byte, tensors []Tensor, offsets []int64) (*Buffer, error) {
	largest := int64(0)
	base := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	for i, x := range tensors {
		if end := offsets[i] + x.bytes(); offsets[i] < 0 || end > int64(len(memory)) {
			return nil, fmt.Errorf("tensor %d lies at %d to %d of %d mapped bytes", i, offsets[i], end, len(memory))
		}
		if (base+uintptr(offsets[i]))%uintptr(d.HostAlignment()) != 0 {
			return nil, fmt.Errorf("tensor %d lies at %d, not a multiple of %d", i, offsets[i], d.HostAlignment())
		}
		largest = max(largest, x.bytes())
	}
	p := d.lib.c.DevBufferFromHost(d.p, base, uintptr(len(memory)), uintptr(largest))
	if p == 0 {
		return nil, fmt.Errorf("%s: cannot compute on %.1f MiB of mapped memory", d.Name, mib(int64(len(memory))))
	}
	b := &Buffer{handle: newHandle(), lib: d.lib, parts: []bindings.Buffer{p}, host: d.IsHost()}
	d.lib.c.BufferSetUsage(p, bindings.UsageWeights)
	if err := b.place(p, tensors, offsets); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Memory returns the buffer's bytes if they are in the process's memory. They may be read until Close. For other devices it returns nil.
func (b *Buffer) Memory() [][]byte {
	var parts [][]byte
	for _, p := range b.parts {
		if base := b.lib.c.BufferBase(p); b.host && base != 0 {
			parts = append(parts, unsafe.Slice(*(**byte)(unsafe.Pointer(&base)), b.lib.c.BufferSize(p)))
		}
	}
	return parts
}

// Clear sets every byte of the buffer to zero.
func (b *Buffer) Clear() {
	for _, p := range b.parts {
		b.lib.c.BufferClear(p, 0)
	}
}

// Close frees the buffer and invalidates its tensors. It is safe to call twice.
func (b *Buffer) Close() {
	if b == nil || !b.shut() {
		return
	}
	for _, p := range b.parts {
		b.lib.c.BufferFree(p)
	}
	b.parts = nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }
