package rounding

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/kernels"
)

// matrix is some rows, all of the same length, for products with vectors. Goroutines may share it.
type matrix interface {
	// Multiply returns the products of all rows with each vector of x, [rows, vectors].
	Multiply(x []float32) ([]float32, error)
}

// newMatrix returns a matrix [in, out], whose rows fill writes. It has a kernel of the level if there is one.
func newMatrix(level kernels.Level, in, out int, fill func(row int, x []float32)) (matrix, error) {
	size, ok := kernels.Size(level, gguf.F32, int64(in), int64(out))
	if !ok {
		m := plain{in, out, make([]float32, in*out)}
		for row := range out {
			fill(row, m.x[row*in:][:in])
		}
		return m, nil
	}
	m, err := kernels.NewMatrix(level, gguf.F32, int64(in), int64(out), make([]byte, size))
	if err != nil {
		return nil, err
	}
	x, data := make([]float32, in), make([]byte, 4*in*kernels.GroupRows)
	for first := 0; first < out; first += kernels.GroupRows {
		rows := min(kernels.GroupRows, out-first)
		for row := range rows {
			fill(first+row, x)
			float.EncodeF32(data[4*in*row:][:4*in], x)
		}
		if err := m.Pack(int64(first), data[:4*in*rows]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// plain is a matrix for processors without kernels.
type plain struct {
	in, out int
	x       []float32
}

func (m plain) Multiply(x []float32) ([]float32, error) {
	vectors := len(x) / m.in
	y := make([]float32, vectors*m.out)
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, general(vectors, m.in, x), general(m.out, m.in, m.x), 0, general(vectors, m.out, y))
	return y, nil
}

func general(rows, cols int, x []float32) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: x}
}
