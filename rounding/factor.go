package rounding

import (
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// leastDamping and mostDamping are what is added to the diagonal of the moments, as parts of its mean. The smallest power of ten in between
// with which they can be factored is taken.
const (
	leastDamping = 0.01
	mostDamping  = 1
)

// Factor is the factored second moments of a matrix's inputs: H + damping = U·D·Uᵀ, where U is upper triangular with ones on its diagonal,
// and D is diagonal. It may be shared between goroutines.
type Factor struct {
	n       int
	u       []float32 // [n, n], row by row
	d       []float32
	weights []float32 // d, scaled to about 1, by which scales are chosen
	damping float32   // what was added to the diagonal
}

// Triangle is the number of elements of the lower triangle of an n·n matrix.
func Triangle(n int64) int64 { return n * (n + 1) / 2 }

// NewFactor factors the second moments of n inputs on some threads. moments is the lower triangle, row by row. The result takes 4·n² bytes.
// It stops when ctx ends.
func NewFactor(ctx context.Context, moments []float32, n, threads int) (*Factor, error) {
	if int64(len(moments)) != Triangle(int64(n)) {
		return nil, fmt.Errorf("%d moments, want the %d of a triangle of %d rows", len(moments), Triangle(int64(n)), n)
	}
	mean := 0.0
	for i := range n {
		x := float64(moments[Triangle(int64(i)+1)-1])
		if !(x >= 0 && x <= math.MaxFloat32) {
			return nil, fmt.Errorf("the second moment of input %d is %v, which is not a sum of squares: the file is damaged", i, x)
		}
		mean += x / float64(n)
	}
	f := &Factor{n: n, u: make([]float32, n*n), d: make([]float32, n)}
	if mean == 0 { // the text says nothing of the matrix: all inputs count equally
		for i := range n {
			f.u[i*n+i], f.d[i] = 1, 1
		}
		f.weights = f.d
		return f, nil
	}
	for damping := leastDamping; damping <= mostDamping; damping *= 10 {
		f.damping = float32(damping * mean)
		f.fill(moments)
		if f.factor(ctx, threads) {
			f.weights = make([]float32, n)
			for j, d := range f.d {
				f.weights[j] = max(float32(float64(d)/mean), 1e-12)
			}
			return f, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, errors.New("the second moments cannot be factored: the file is damaged")
}

// fill sets the upper triangle to the damped moments, and the rest to zero.
func (f *Factor) fill(moments []float32) {
	for i := range f.n {
		row := moments[Triangle(int64(i)):]
		for j := range i {
			f.u[j*f.n+i], f.u[i*f.n+j] = row[j], 0
		}
		f.u[i*f.n+i] = row[i] + f.damping
	}
}

// factorBlock is the number of columns that are factored at a time.
const factorBlock = 64

// factor replaces the upper triangle of H by V, where V·Vᵀ = H, from the last columns to the first. It then splits V into U and D. It
// reports false if H is not positive, or ctx ends.
func (f *Factor) factor(ctx context.Context, threads int) bool {
	for end := f.n; end > 0; {
		begin := max(0, end-factorBlock)
		if ctx.Err() != nil || !f.corner(begin, end) {
			return false
		}
		f.above(begin, end, threads)
		end = begin
	}
	for j := range f.n {
		v := f.u[j*f.n+j]
		f.d[j] = v * v
		for i := range j + 1 {
			f.u[i*f.n+j] /= v
		}
	}
	return true
}

// corner factors the block from begin to end on the diagonal.
func (f *Factor) corner(begin, end int) bool {
	n, u := f.n, f.u
	for j := end - 1; j >= begin; j-- {
		for i := j; i >= begin; i-- {
			sum := float64(u[i*n+j])
			for k := j + 1; k < end; k++ {
				sum -= float64(u[i*n+k]) * float64(u[j*n+k])
			}
			if i < j {
				u[i*n+j] = float32(sum / float64(u[j*n+j]))
				continue
			}
			if !(sum > 0 && sum <= math.MaxFloat32) {
				return false
			}
			u[j*n+j] = float32(math.Sqrt(sum))
		}
	}
	return true
}

// above factors the rows above a block, and takes their products from all that is left.
func (f *Factor) above(begin, end, threads int) {
	n, u, width := f.n, f.u, end-begin
	inRows(begin, threads, func(from, to int) {
		for i := from; i < to; i++ {
			row := u[i*n+begin : i*n+end]
			for j := width - 1; j >= 0; j-- {
				corner := u[(begin+j)*n+begin : (begin+j)*n+end]
				sum := row[j]
				for k := j + 1; k < width; k++ {
					sum -= row[k] * corner[k]
				}
				row[j] = sum / corner[j]
			}
		}
	})
	inRows(begin, threads, func(from, to int) {
		blas32.Gemm(blas.NoTrans, blas.Trans, -1, f.part(from, to, begin, end), f.part(from, begin, begin, end), 1, f.part(from, to, from, begin))
		for i := from; i < to; i++ { // below the diagonal
			clear(u[i*n+from : i*n+i])
		}
	})
}

// part is the rows from one to another of U, and the columns.
func (f *Factor) part(row, rowEnd, col, colEnd int) blas32.General {
	return blas32.General{Rows: rowEnd - row, Cols: colEnd - col, Stride: f.n, Data: f.u[row*f.n+col:]}
}

// inRows divides n rows among threads, some at a time.
func inRows(n, threads int, do func(from, to int)) {
	const rows = 128
	var group errgroup.Group
	group.SetLimit(max(1, threads))
	for from := 0; from < n; from += rows {
		group.Go(func() error {
			do(from, min(from+rows, n))
			return nil
		})
	}
	_ = group.Wait()
}
