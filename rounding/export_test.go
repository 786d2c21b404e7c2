package rounding

import (
	"maps"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
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

// Product returns U·D·Uᵀ.
func (f *Factor) Product(i, j int) float64 {
	sum := 0.0
	for k := range f.n {
		sum += float64(f.u[i*f.n+k]) * float64(f.d[k]) * float64(f.u[j*f.n+k])
	}
	return sum
}

// Damping is what was added to the diagonal.
func (f *Factor) Damping() float64 { return float64(f.damping) }
