package cli

import (
	"context"
	"fmt"
	"math"

	"gosling/ggml"
	"gosling/gguf"
)

// The self-check multiplies a matrix [inputs, outputs] with some columns. Devices round differently, wrong ones are far off.
const (
	checkInputs  = 256
	checkOutputs = 48
	checkColumns = 3
	checkWithin  = 0.02 // of the largest result
)

// selfCheck computes products of a plain and of a quantized matrix on a device and compares them with plain loops.
func selfCheck(ctx context.Context, lib *ggml.Library, d ggml.Device) error {
	weights, columns := waves(checkInputs*checkOutputs, 0.37), waves(checkInputs*checkColumns, 0.73)
	for _, typ := range []gguf.Type{gguf.F32, gguf.Q8_0} {
		got, err := multiplyOn(ctx, lib, d, typ, weights, columns)
		if err != nil {
			return err
		}
		if off := farthest(got, product(weights, columns)); !(off <= checkWithin) {
			return fmt.Errorf("computes wrongly: a product of %s weights is off by %.3g of the largest result", typ, off)
		}
	}
	return nil
}

// waves are n numbers between -1 and 1 that do not repeat.
func waves(n int, step float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(step * float64(i+1)))
	}
	return x
}

func product(weights, columns []float32) []float64 {
	y := make([]float64, checkOutputs*checkColumns)
	for i := range y {
		row, column := weights[i%checkOutputs*checkInputs:], columns[i/checkOutputs*checkInputs:]
		for j := range checkInputs {
			y[i] += float64(row[j]) * float64(column[j])
		}
	}
	return y
}

// farthest is the largest difference as a part of the largest number wanted.
func farthest(got []float32, want []float64) float64 {
	var off, largest float64
	for i, w := range want {
		largest = max(largest, math.Abs(w))
		off = max(off, math.Abs(w-float64(got[i]))) // NaN if one is
	}
	return off / largest
}

func multiplyOn(ctx context.Context, lib *ggml.Library, d ggml.Device, typ gguf.Type, weights, columns []float32) ([]float32, error) {
	rowBytes, err := typ.RowBytes(checkInputs)
	if err != nil {
		return nil, err
	}
	data := make([]byte, rowBytes*checkOutputs)
	if err := lib.Quantize(typ, data, weights, checkInputs, nil); err != nil {
		return nil, err
	}
	headers, err := lib.NewContext(1)
	if err != nil {
		return nil, err
	}
	defer headers.Close()
	w, err := headers.New(typ, checkInputs, checkOutputs)
	if err != nil {
		return nil, err
	}
	buffer, err := d.BufferType().Alloc([]ggml.Tensor{w}, ggml.UsageWeights)
	if err != nil {
		return nil, err
	}
	defer buffer.Close()
	if err := w.SetBytes(data); err != nil {
		return nil, err
	}
	return computeProduct(ctx, lib, d, w, columns)
}

func computeProduct(ctx context.Context, lib *ggml.Library, d ggml.Device, w ggml.Tensor, columns []float32) ([]float32, error) {
	g, err := lib.NewGraph(16)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	x := g.Input(gguf.F32, checkInputs, checkColumns)
	y := g.On(d, x.MatMul(g.Use(w)))
	g.Output(y)
	devices := []ggml.Device{d}
	if d.Type != ggml.CPU {
		devices = append(devices, lib.CPU())
	}
	var backends []*ggml.Backend
	for _, device := range devices {
		b, err := device.NewBackend(1)
		if err != nil {
			return nil, err
		}
		defer b.Close()
		backends = append(backends, b)
	}
	s, err := lib.NewScheduler(16, backends...)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Alloc(g); err != nil {
		return nil, err
	}
	if err := x.SetFloats(columns); err != nil {
		return nil, err
	}
	if err := s.Compute(ctx, g); err != nil {
		return nil, err
	}
	result := make([]float32, checkOutputs*checkColumns)
	return result, y.ReadFloats(result, 0)
}
