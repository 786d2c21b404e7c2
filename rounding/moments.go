package rounding

import (
	"context"

	"github.com/gosling-rwkv/gosling/kernels"
)

// AddMoments adds the second moments of some vectors x of n elements, one after the other, to moments: the lower triangle of [n, n], row by
// row. It works on some threads. If ctx ends, a part is added.
func AddMoments(ctx context.Context, moments, x []float32, n, threads int) error {
	return addMoments(ctx, moments, x, n, threads, kernels.Best())
}

func addMoments(ctx context.Context, moments, x []float32, n, threads int, level kernels.Level) error {
	vectors := len(x) / n
	if vectors == 0 {
		return nil
	}
	elements := make([]float32, len(x)) // [vectors, n]
	for v := range vectors {
		for i, e := range x[v*n : (v+1)*n] {
			elements[i*vectors+v] = e
		}
	}
	return inPieces(ctx, n, pieceRows, threads, func(from, to int) error {
		m, err := newMatrix(level, vectors, to-from, func(row int, of []float32) { copy(of, elements[(from+row)*vectors:]) })
		if err != nil {
			return err
		}
		products, err := m.Multiply(elements[:to*vectors]) // [to-from, to]
		if err != nil {
			return err
		}
		for i := from; i < to; i++ {
			row := moments[Triangle(int64(i)):][:i+1]
			for j := range row {
				row[j] += products[j*(to-from)+i-from]
			}
		}
		return nil
	})
}
