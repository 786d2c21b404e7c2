package rounding

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
)

// Types are the types with a grid.
func Types() []gguf.Type { return slices.Sorted(maps.Keys(grids)) }

// Recode stores a code for each element of a block and returns the elements.
func Recode(t gguf.Type, block []byte, code func(codes int) int) []float32 {
	g := grids[t]
	groups := len(g.places) / g.group
	scale, offset := make([]float32, groups), make([]float32, groups)
	g.scales(block, scale, offset)
	x := make([]float32, len(g.places))
	for i := range x {
		levels := max(len(g.levels), g.high-g.low+1)
		c := code(levels) + g.low + g.bias
		g.put(block, i, c)
		level := float32(c - g.bias)
		if g.levels != nil {
			level = g.levels[c]
		}
		x[i] = float32(scale[i/g.group]*level) + offset[i/g.group]
	}
	return x
}

// Decompose factors the moments and returns the product of U·D·Uᵀ with a vector.
func Decompose(ctx context.Context, moments []float32, n int, damping float32, level kernels.Level) (product func(x []float64) []float64, err error) {
	f := decomposition{n: n, threads: 2, level: level, moments: moments, damping: damping, u: make([]float32, n*n), d: make([]float32, n)}
	if err := f.fill(ctx); err != nil {
		return nil, err
	}
	if ok, err := f.decompose(ctx); err != nil || !ok {
		return nil, cmp.Or(err, errors.New("not positive"))
	}
	return func(x []float64) []float64 {
		y, z := make([]float64, n), make([]float64, n) // D·Uᵀ·x and U·D·Uᵀ·x
		for k := range n {
			for i := range n {
				y[k] += float64(f.u[i*n+k]) * x[i]
			}
			y[k] *= float64(f.d[k])
		}
		for i := range n {
			for k := range n {
				z[i] += float64(f.u[i*n+k]) * y[k]
			}
		}
		return z
	}, nil
}

// NewFactorWith is NewFactor with some kernels.
func NewFactorWith(ctx context.Context, moments []float32, n, threads int, level kernels.Level) (*Factor, error) {
	return newFactor(ctx, moments, n, threads, level)
}

// AddMomentsWith is AddMoments with some kernels.
func AddMomentsWith(ctx context.Context, moments, x []float32, n, threads int, level kernels.Level) error {
	return addMoments(ctx, moments, x, n, threads, level)
}
