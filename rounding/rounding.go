// Package rounding rounds a matrix to a type in blocks so that the results of its products with typical inputs change little.
//
// Inputs of a matrix are not independent. What the rounding of one weight changes in a result, the weights of other inputs can give back.
// A Factor holds the second moments X·Xᵀ of the inputs. Factor.Round rounds the columns of a matrix one after the other. It adds the error
// of each to the columns that are left, as far as their inputs predict each other (GPTQ, Frantar and others 2023; the form with a factor of
// the moments themselves is that of LDLQ in QuIP, Chee and others 2023). Then it goes over the columns again: each weight moves to the level that is
// best given all others. ggml's quantizer chooses the scales of each block when its columns are reached, so they follow the errors so far.
//
// The squared error of the results is never larger than that of ggml's own rounding: where it is in a row, the row stays as ggml rounds it.
package rounding

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/gosling-rwkv/gosling/gguf"
)

// Quantizer writes and reads types in blocks. *ggml.Library is one.
type Quantizer interface {
	Quantize(t gguf.Type, dst []byte, src []float32, rowLen int64, importance []float32) error
	Dequantize(t gguf.Type, dst []float32, src []byte) error
}

// Knows reports whether Round rounds to a type: Q4_0 to Q8_0, Q2_K to Q6_K, IQ4_NL and IQ4_XS.
func Knows(t gguf.Type) bool { return grids[t] != nil }

const (
	sweeps = 2   // how often all weights are looked at again
	limit  = 1e8 // the largest sum of a weight and errors
)

// Round writes the rows of src, one element for each input, to dst as type t. importance has a positive weight for each input. It is
// for the rows that stay as ggml rounds them. Round stops when ctx ends.
func (f *Factor) Round(ctx context.Context, q Quantizer, t gguf.Type, dst []byte, src, importance []float32) error {
	g := grids[t]
	if g == nil {
		return fmt.Errorf("%s has no grid to round to", t)
	}
	if len(src)%f.n != 0 || len(importance) != f.n {
		return fmt.Errorf("%d elements and the importance of %d inputs: the moments are those of %d inputs", len(src), len(importance), f.n)
	}
	r := f.newRun(g, t, src)
	if err := r.plainly(ctx, q, dst, importance); err != nil {
		return err
	}
	if err := r.all(ctx, q); err != nil {
		return err
	}
	slopes, err := r.slopes(ctx)
	if err != nil {
		return err
	}
	for range sweeps {
		if err := r.sweep(ctx, slopes); err != nil {
			return err
		}
	}
	return r.keepBetter(ctx, q, dst, slopes)
}

// run is the rounding of some rows. The matrices have a row for each of them, and n columns.
type run struct {
	*Factor
	*grid
	typ gguf.Type
	src []float32

	rows, size   int
	aim          []float32 // what each column is rounded from: src and the errors of earlier columns
	e            []float32 // src less what it was rounded to
	codes        []uint8
	scale, shift []float32 // of each group
	bytes        []byte    // ggml's blocks of the type, [block][row]
}

func (f *Factor) newRun(g *grid, t gguf.Type, src []float32) *run {
	r := &run{Factor: f, grid: g, typ: t, src: src, rows: len(src) / f.n, size: int(t.BlockSize())}
	r.aim, r.e, r.codes = append([]float32(nil), src...), make([]float32, len(src)), make([]uint8, len(src))
	r.scale, r.shift = make([]float32, len(src)/g.group), make([]float32, len(src)/g.group)
	r.bytes = make([]byte, len(src)/r.size*int(t.BlockBytes()))
	return r
}

// plainElements is about how many elements ggml rounds at a time.
const plainElements = 1 << 17

// plainly lets ggml round the rows.
func (r *run) plainly(ctx context.Context, q Quantizer, dst []byte, importance []float32) error {
	step := max(1, plainElements/r.n)
	bytes := r.n / r.size * int(r.typ.BlockBytes())
	for row := 0; row < r.rows; row += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := min(row+step, r.rows)
		if err := q.Quantize(r.typ, dst[row*bytes:end*bytes], r.src[row*r.n:end*r.n], int64(r.n), importance); err != nil {
			return err
		}
	}
	return nil
}

// all rounds all columns.
func (r *run) all(ctx context.Context, q Quantizer) error {
	for _, b := range r.blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		step := min(r.size, b.end-b.begin)
		for col := b.begin; col < b.end; col += step {
			if col%r.size == 0 {
				if err := r.choose(q, col); err != nil {
					return err
				}
			}
			for row := range r.rows {
				r.round(row, col, col+step, b)
			}
		}
		if b.end == r.n {
			break
		}
		if err := r.add(b.later, b, r.e, r.aim, b.begin, b.end); err != nil {
			return err
		}
	}
	return nil
}

// choose lets ggml choose the scales of the blocks of all rows that begin at a column. An input weighs as much as what the later inputs
// cannot give back of its error, which is D.
func (r *run) choose(q Quantizer, col int) error {
	x := make([]float32, r.rows*r.size)
	for row := range r.rows {
		from := r.aim[row*r.n+col:][:r.size]
		for _, v := range from {
			if !(v <= limit && v >= -limit) { // the row is lost; another rounding of it will be kept
				from = r.src[row*r.n+col:][:r.size]
				break
			}
		}
		copy(x[row*r.size:], from)
	}
	blocks := r.bytesAt(col)
	if err := q.Quantize(r.typ, blocks, x, int64(r.size), r.weights[col:col+r.size]); err != nil {
		return err
	}
	bytes, groups := int(r.typ.BlockBytes()), r.size/r.group
	for row := range r.rows {
		at := (row*r.n + col) / r.group
		r.scales(blocks[row*bytes:][:bytes], r.scale[at:at+groups], r.shift[at:at+groups])
	}
	return nil
}

// bytesAt are ggml's blocks of all rows that begin at a column.
func (r *run) bytesAt(col int) []byte {
	size := r.rows * int(r.typ.BlockBytes())
	return r.bytes[col/r.size*size:][:size]
}

// round rounds some columns of a row, and adds their errors to the columns that are left of a block.
func (r *run) round(row, begin, end int, b block) {
	wide := b.end - b.begin
	for j := begin; j < end; j++ {
		i := row*r.n + j
		code, value := r.nearest(r.aim[i], r.scale[i/r.group], r.shift[i/r.group])
		e := r.src[i] - value
		r.codes[i], r.e[i] = uint8(code), e
		axpy(e, b.u[(j-b.begin)*wide+j-b.begin+1:(j-b.begin+1)*wide], r.aim[i+1:])
	}
}

// add adds the products of a block's matrix with the block's columns of x to columns of to. The matrix has a row for each column from first
// on. Columns before from stay.
func (r *run) add(m matrix, b block, x, to []float32, first, from int) error {
	columns := make([]float32, 0, r.rows*(b.end-b.begin))
	for row := range r.rows {
		columns = append(columns, x[row*r.n+b.begin:row*r.n+b.end]...)
	}
	products, err := m.Multiply(columns)
	if err != nil {
		return err
	}
	wide := len(products) / r.rows
	for row := range r.rows {
		axpy(1, products[row*wide:][from-first:wide], to[row*r.n+from:])
	}
	return nil
}

// slopes returns e·H = (e·U)·D·Uᵀ of each row, half of the slope of its squared error. e·U is by how much each column was rounded.
func (r *run) slopes(ctx context.Context) ([]float32, error) {
	slopes, moved := make([]float32, len(r.e)), make([]float32, len(r.e)) // moved is (e·U)·D
	for i, aim := range r.aim {
		moved[i] = (aim - (r.src[i] - r.e[i])) * r.d[i%r.n]
	}
	for _, b := range r.blocks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.add(b.earlier, b, moved, slopes, 0, 0); err != nil {
			return nil, err
		}
	}
	return slopes, nil
}

// sweep moves each weight to the level that is best given all others, and updates the slopes. Few weights move.
func (r *run) sweep(ctx context.Context, slopes []float32) error {
	for at := len(r.blocks) - 1; at >= 0; at-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := r.blocks[at]
		for row := range r.rows {
			for j := b.end - 1; j >= b.begin; j-- {
				i := row*r.n + j
				value := r.src[i] - r.e[i]
				code, better := r.nearest(value+slopes[i]/r.h[j*r.n+j], r.scale[i/r.group], r.shift[i/r.group])
				if uint8(code) != r.codes[i] {
					r.codes[i], r.e[i] = uint8(code), r.src[i]-better
					axpy(value-better, r.h[j*r.n:(j+1)*r.n], slopes[row*r.n:])
				}
			}
		}
	}
	return nil
}

// axpy adds a·x to y.
func axpy(a float32, x, y []float32) {
	blas32.Axpy(a, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(x), Inc: 1, Data: y})
}

// keepBetter replaces ggml's rows in dst by those that give smaller errors of the results.
func (r *run) keepBetter(ctx context.Context, q Quantizer, dst []byte, slopes []float32) error {
	plain := make([]float32, len(r.src))
	if err := q.Dequantize(r.typ, plain, dst); err != nil {
		return err
	}
	for i, x := range r.src {
		plain[i] = x - plain[i]
	}
	costs, err := r.costs(ctx, plain)
	if err != nil {
		return err
	}
	size := int(r.typ.BlockBytes())
	for row := range r.rows {
		cost := 0.0 // e·H·eᵀ, without the damping
		for i := row * r.n; i < (row+1)*r.n; i++ {
			e := float64(r.e[i])
			cost += e * (float64(slopes[i]) - e*float64(r.damping))
		}
		if !(cost < costs[row]) {
			continue
		}
		for col := 0; col < r.n; col += r.size {
			block := r.bytesAt(col)[row*size:][:size]
			for i := range r.size {
				r.put(block, i, int(r.codes[row*r.n+col+i]))
			}
			copy(dst[(row*r.n+col)/r.size*size:], block)
		}
	}
	return nil
}

// costs returns the sum of the squared errors of each row's results: e·H·eᵀ = (e·U)·D·(e·U)ᵀ, without the damping.
func (r *run) costs(ctx context.Context, e []float32) ([]float64, error) {
	costs, products := make([]float64, r.rows), make([]float32, len(e))
	for _, b := range r.blocks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.add(b.later, b, e, products, b.begin, b.begin); err != nil {
			return nil, err
		}
	}
	for i, x := range products {
		costs[i/r.n] += float64(x)*float64(x)*float64(r.d[i%r.n]) - float64(e[i])*float64(e[i])*float64(r.damping)
	}
	return costs, nil
}
