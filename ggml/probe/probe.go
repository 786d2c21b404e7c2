// Package probe computes known results on a device and reports whether they are right. It tries products with weights of every type,
// in every kind of memory that the device has for weights. It also tries the recurrences of RWKV and the functions between them.
// doctor uses it, and so do the tests of devices. On a CPU it takes less than a second.
//
// A result is right if it equals the float64 result within the rounding of the device's arithmetic, which Arithmetic describes.
package probe

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// fault is what a device computes wrongly.
type fault struct {
	what      string // "a product of Q4_0 weights in CPU memory, 3 columns at once,"
	at        int    // the element that is farthest off
	got, want float64
}

func (f *fault) Error() string {
	return fmt.Sprintf("%s is wrong: element %d is %.6g, want %.6g", f.what, f.at, f.got, f.want)
}

// Device tests every kind of computation that models need on d. The error names the wrong result, or the reason why d could not compute.
func Device(ctx context.Context, lib *ggml.Library, d ggml.Device) error {
	p := prober{lib: lib, device: d}
	for _, check := range []func(context.Context) error{p.products, p.functions, p.wkv6, p.wkv7} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

type prober struct {
	lib    *ggml.Library
	device ggml.Device
}

// operand is a tensor that a graph begins with.
type operand struct {
	typ   gguf.Type
	shape []int64
	data  []byte
	kind  ggml.BufferType
}

// floats is an operand of F32.
func (p prober) floats(x []float64, shape ...int64) operand {
	data := make([]byte, 4*len(x))
	float.EncodeF32(data, narrowed(x))
	return operand{typ: gguf.F32, shape: shape, data: data, kind: p.device.BufferType()}
}

// compute runs a graph on the device and returns the elements of its result.
func (p prober) compute(ctx context.Context, build func([]ggml.Tensor) ggml.Tensor, operands ...operand) ([]float32, error) {
	headers, err := p.lib.NewContext(len(operands))
	if err != nil {
		return nil, err
	}
	defer headers.Close()
	g := p.lib.NewGraph()
	defer g.Close()
	var inputs []ggml.Tensor
	for _, o := range operands {
		x, err := headers.New(o.typ, o.shape...)
		if err != nil {
			return nil, err
		}
		buffer, err := o.kind.Alloc([]ggml.Tensor{x}, ggml.UsageWeights)
		if err != nil {
			return nil, err
		}
		defer buffer.Close()
		if err := x.SetBytes(o.data); err != nil {
			return nil, err
		}
		inputs = append(inputs, g.Use(x))
	}
	y := build(inputs)
	g.Output(y)
	if err := g.Err(); err != nil {
		return nil, err
	}
	return p.run(ctx, g, y)
}

func (p prober) run(ctx context.Context, g *ggml.Graph, y ggml.Tensor) ([]float32, error) {
	devices := []ggml.Device{p.device}
	if !p.device.IsHost() {
		devices = append(devices, p.lib.CPU())
	}
	var backends []*ggml.Backend
	for _, d := range devices {
		b, err := d.NewBackend(1)
		if err != nil {
			return nil, err
		}
		defer b.Close()
		backends = append(backends, b)
	}
	s, err := p.lib.NewScheduler(g, backends...)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Compute(ctx); err != nil {
		return nil, err
	}
	result := make([]float32, y.Elements())
	return result, y.ReadFloats(result, 0)
}

// compare returns the fault of the element that is farthest beyond its bound, if one is.
func compare(what string, got []float32, want []float64, bound func(i int) float64) error {
	var worst *fault
	excess := 1.0
	for i, w := range want {
		off := math.Abs(float64(got[i])-w) / bound(i)
		if off <= excess { // false for NaN
			continue
		}
		worst = &fault{what: what, at: i, got: float64(got[i]), want: w}
		if math.IsNaN(off) {
			break
		}
		excess = off
	}
	if worst == nil {
		return nil
	}
	return worst
}

// normal is n normally distributed numbers that float32 holds exactly.
func normal(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(rng.NormFloat64()))
	}
	return x
}

// seed makes the numbers of a check.
func seed(n uint64) *rand.Rand { return rand.New(rand.NewPCG(7, n)) }
