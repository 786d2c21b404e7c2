package rounding

import (
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/kernels"
)

// leastDamping and mostDamping are what is added to the diagonal of the moments, as parts of its mean. The smallest power of ten in between
// with which they can be factored is taken.
const (
	leastDamping = 0.01
	mostDamping  = 1
)

// width is the number of inputs of a block. Products with other blocks are made by kernels, all others one after the other.
const width = 128

// Factor is the second moments H of a matrix's inputs, with some damping on the diagonal, and their factors: H = U·D·Uᵀ, where U is upper
// triangular with ones on its diagonal, and D is diagonal. It may be shared between goroutines.
type Factor struct {
	n       int
	level   kernels.Level
	damping float32
	h       []float32 // [n, n], row by row
	d       []float32
	weights []float32 // D, scaled to about 1, by which scales are chosen
	blocks  []block
}

// block is some inputs, from begin to end.
type block struct {
	begin, end int
	u          []float32 // between the inputs, [inputs, inputs]
	later      matrix    // a row of Uᵀ for each input from begin on
	earlier    matrix    // a row of U for each input before end
}

// Triangle is the number of elements of the lower triangle of an n·n matrix.
func Triangle(n int64) int64 { return n * (n + 1) / 2 }

// NewFactor factors the second moments of n inputs on some threads. moments is the lower triangle, row by row. While it works, it takes
// 10·n² bytes, and the result takes 8·n². It stops when ctx ends.
func NewFactor(ctx context.Context, moments []float32, n, threads int) (*Factor, error) {
	return newFactor(ctx, moments, n, threads, kernels.Best())
}

func newFactor(ctx context.Context, moments []float32, n, threads int, level kernels.Level) (*Factor, error) {
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
	d := decomposition{n: n, threads: threads, level: level, moments: moments, u: make([]float32, n*n), d: make([]float32, n)}
	if mean == 0 { // the text never used the matrix: all inputs count equally
		d.damping, mean = 1, 1
		for i := range n {
			d.u[i*n+i], d.d[i] = 1, 1
		}
		return d.factor(ctx, mean)
	}
	for damping := leastDamping; damping <= mostDamping; damping *= 10 {
		d.damping = float32(damping * mean)
		if err := d.fill(ctx); err != nil {
			return nil, err
		}
		if ok, err := d.decompose(ctx); err != nil {
			return nil, err
		} else if ok {
			return d.factor(ctx, mean)
		}
	}
	return nil, errors.New("the second moments cannot be factored: the file is damaged")
}

// decomposition is the work of factoring.
type decomposition struct {
	n, threads int
	level      kernels.Level
	moments    []float32
	damping    float32
	u          []float32 // [n, n], row by row
	d          []float32
}

// fill sets U to H.
func (f *decomposition) fill(ctx context.Context) error {
	if err := inPieces(ctx, f.n, pieceRows, f.threads, func(from, to int) error {
		for i := from; i < to; i++ {
			copy(f.u[i*f.n:], f.moments[Triangle(int64(i)):Triangle(int64(i)+1)])
			f.u[i*f.n+i] += f.damping
		}
		return nil
	}); err != nil {
		return err
	}
	return inPieces(ctx, f.n, width, f.threads, func(from, to int) error { // some columns at a time, whose rows stay in the cache
		for i := from; i < f.n; i++ {
			for j := from; j < min(to, i); j++ {
				f.u[j*f.n+i] = f.u[i*f.n+j]
			}
		}
		return nil
	})
}

// decompose replaces the upper triangle of H by V, where V·Vᵀ = H, from the last columns to the first. It then splits V into U and D. It
// reports false if H is not positive.
func (f *decomposition) decompose(ctx context.Context) (bool, error) {
	for end := f.n; end > 0; {
		begin := max(0, end-width)
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if !f.corner(begin, end) {
			return false, nil
		}
		if err := f.above(ctx, begin, end); err != nil {
			return false, err
		}
		end = begin
	}
	for j := range f.n {
		v := f.u[j*f.n+j]
		f.d[j] = v * v
	}
	return true, inPieces(ctx, f.n, pieceRows, f.threads, func(from, to int) error {
		for i := from; i < to; i++ {
			clear(f.u[i*f.n : i*f.n+i])
			for j := i; j < f.n; j++ {
				f.u[i*f.n+j] /= float32(math.Sqrt(float64(f.d[j])))
			}
			f.u[i*f.n+i] = 1
		}
		return nil
	})
}

// corner factors the block from begin to end on the diagonal.
func (f *decomposition) corner(begin, end int) bool {
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
func (f *decomposition) above(ctx context.Context, begin, end int) error {
	n, u, wide := f.n, f.u, end-begin
	inverse, err := f.inverse(begin, end)
	if err != nil {
		return err
	}
	rows := make([]float32, begin*wide) // of the block's columns, without gaps
	if err := inPieces(ctx, begin, pieceRows, f.threads, func(from, to int) error {
		for i := from; i < to; i++ {
			copy(rows[i*wide:], u[i*n+begin:i*n+end])
		}
		products, err := inverse.Multiply(rows[from*wide : to*wide])
		if err != nil {
			return err
		}
		copy(rows[from*wide:], products)
		for i := from; i < to; i++ {
			copy(u[i*n+begin:], rows[i*wide:(i+1)*wide])
		}
		return nil
	}); err != nil {
		return err
	}
	return inPieces(ctx, begin, pieceRows, f.threads, func(from, to int) error {
		m, err := newMatrix(f.level, wide, to-from, func(row int, x []float32) { copy(x, rows[(from+row)*wide:]) })
		if err != nil {
			return err
		}
		products, err := m.Multiply(rows[:to*wide]) // [to-from, to]
		if err != nil {
			return err
		}
		for i := range to {
			first := max(i, from)
			axpy(-1, products[i*(to-from)+first-from:(i+1)*(to-from)], u[i*n+first:])
		}
		return nil
	})
}

// inverse returns the inverse of a factored block on the diagonal.
func (f *decomposition) inverse(begin, end int) (matrix, error) {
	n, u, wide := f.n, f.u, end-begin
	x := make([]float64, wide*wide) // upper triangular, as the block is
	for j := range wide {
		for i := j; i >= 0; i-- {
			sum := 0.0
			if i == j {
				sum = 1
			}
			for k := i + 1; k <= j; k++ {
				sum -= float64(u[(begin+i)*n+begin+k]) * x[k*wide+j]
			}
			x[i*wide+j] = sum / float64(u[(begin+i)*n+begin+i])
		}
	}
	return newMatrix(f.level, wide, wide, func(row int, to []float32) {
		for k := range to {
			to[k] = float32(x[row*wide+k])
		}
	})
}

// factor divides U into blocks, and then puts H where U was. mean is that of the moments' diagonal.
func (f *decomposition) factor(ctx context.Context, mean float64) (*Factor, error) {
	n := f.n
	r := &Factor{n: n, level: f.level, damping: f.damping, h: f.u, d: f.d, weights: make([]float32, n), blocks: make([]block, (n+width-1)/width)}
	for j, d := range f.d {
		r.weights[j] = max(float32(float64(d)/mean), 1e-12)
	}
	if err := inPieces(ctx, len(r.blocks), 1, f.threads, func(at, _ int) (err error) {
		b := block{begin: at * width, end: min(n, (at+1)*width)}
		for j := b.begin; j < b.end; j++ {
			b.u = append(b.u, f.u[j*n+b.begin:j*n+b.end]...)
		}
		if b.later, err = newMatrix(f.level, b.end-b.begin, n-b.begin, func(row int, x []float32) {
			for j := range x {
				x[j] = f.u[(b.begin+j)*n+b.begin+row]
			}
		}); err != nil {
			return err
		}
		b.earlier, err = newMatrix(f.level, b.end-b.begin, b.end, func(row int, x []float32) { copy(x, f.u[row*n+b.begin:]) })
		r.blocks[at] = b
		return err
	}); err != nil {
		return nil, err
	}
	return r, f.fill(ctx)
}

// pieceRows is the number of rows that a thread factors at a time.
const pieceRows = 256

// inPieces divides n rows among threads, some at a time. The last ones come first.
func inPieces(ctx context.Context, n, rows, threads int, do func(from, to int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, threads))
	for to := n; to > 0; to -= rows {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return do(max(0, to-rows), to)
		})
	}
	return group.Wait()
}
