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
	"fmt"

	"gonum.org/v1/gonum/blas"
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
	panel  = 256 // columns after which errors are spread over all columns that are left
	sweeps = 2   // how often all weights are looked at again
	limit  = 1e8 // the largest sum of a weight and errors
)

// Round writes the rows of src, one element for each input, to dst as type t. importance has a positive weight for each input. It is
// for the rows that stay as ggml rounds them.
func (f *Factor) Round(q Quantizer, t gguf.Type, dst []byte, src, importance []float32) error {
	g := grids[t]
	if g == nil {
		return fmt.Errorf("%s has no grid to round to", t)
	}
	if len(src)%f.n != 0 || len(importance) != f.n {
		return fmt.Errorf("%d elements and the importance of %d inputs: the moments are those of %d inputs", len(src), len(importance), f.n)
	}
	if err := q.Quantize(t, dst, src, int64(f.n), importance); err != nil {
		return err
	}
	r := f.newRun(g, t, src)
	if err := r.all(q); err != nil {
		return err
	}
	for range sweeps {
		r.sweep()
	}
	return r.keepBetter(q, dst)
}

// run is the rounding of some rows. The matrices have a row for each of them, and n columns.
type run struct {
	*Factor
	*grid
	typ gguf.Type
	src []float32

	rows, block  int
	aim          []float32 // what each column is rounded from: src and the errors of earlier columns. Then e·U
	e            []float32 // src less what it was rounded to
	codes        []uint8
	scale, shift []float32 // of each group
	bytes        []byte    // ggml's blocks, [block][row]
}

func (f *Factor) newRun(g *grid, t gguf.Type, src []float32) *run {
	r := &run{Factor: f, grid: g, typ: t, src: src, rows: len(src) / f.n, block: int(t.BlockSize())}
	r.aim, r.e, r.codes = append([]float32(nil), src...), make([]float32, len(src)), make([]uint8, len(src))
	r.scale, r.shift = make([]float32, len(src)/g.group), make([]float32, len(src)/g.group)
	r.bytes = make([]byte, len(src)/r.block*int(t.BlockBytes()))
	return r
}

// all rounds all columns. Afterwards aim is e·U.
func (r *run) all(q Quantizer) error {
	for begin := 0; begin < r.n; begin += panel {
		end := min(begin+panel, r.n)
		for col := begin; col < end; col += r.block {
			if err := r.choose(q, col); err != nil {
				return err
			}
			for row := range r.rows {
				r.round(row, col, end)
			}
		}
		r.spread(r.e, r.aim, begin, end, end)
	}
	return nil
}

// choose lets ggml choose the scales of a block of all rows. An input weighs as much as what the later inputs cannot give back of its error,
// which is D.
func (r *run) choose(q Quantizer, col int) error {
	x := make([]float32, r.rows*r.block)
	for row := range r.rows {
		from := r.aim[row*r.n+col:][:r.block]
		for _, v := range from {
			if !(v <= limit && v >= -limit) { // the row is lost; another rounding of it will be kept
				from = r.src[row*r.n+col:][:r.block]
				break
			}
		}
		copy(x[row*r.block:], from)
	}
	blocks := r.blocks(col)
	if err := q.Quantize(r.typ, blocks, x, int64(r.block), r.weights[col:col+r.block]); err != nil {
		return err
	}
	size, groups := int(r.typ.BlockBytes()), r.block/r.group
	for row := range r.rows {
		at := (row*r.n + col) / r.group
		r.scales(blocks[row*size:][:size], r.scale[at:at+groups], r.shift[at:at+groups])
	}
	return nil
}

// blocks are the blocks of all rows that begin at a column.
func (r *run) blocks(col int) []byte {
	size := r.rows * int(r.typ.BlockBytes())
	return r.bytes[col/r.block*size:][:size]
}

// round rounds a block of a row, and adds the errors to the columns up to end.
func (r *run) round(row, col, end int) {
	for j := col; j < col+r.block; j++ {
		i := row*r.n + j
		code, value := r.nearest(r.aim[i], r.scale[i/r.group], r.shift[i/r.group])
		r.codes[i], r.e[i] = uint8(code), r.src[i]-value
		r.aim[i] -= value
		axpy(r.e[i], r.u[j*r.n+j+1:j*r.n+end], r.aim[i+1:])
	}
}

// spread adds to, for each column from first on, the errors of the columns from begin to end times U.
func (r *run) spread(e, to []float32, begin, end, first int) {
	if first == r.n {
		return
	}
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1,
		blas32.General{Rows: r.rows, Cols: end - begin, Stride: r.n, Data: e[begin:]}, r.part(begin, end, first, r.n),
		1, blas32.General{Rows: r.rows, Cols: r.n - first, Stride: r.n, Data: to[first:]})
}

// sweep moves each weight to the level that is best given all others. Only the change of the errors times U is needed.
func (r *run) sweep() {
	for j := r.n - 1; j >= 0; j-- {
		u, d := r.u[j*r.n+j:(j+1)*r.n], r.d[j:]
		weighted := make([]float32, len(u))
		own := float32(0)
		for k, x := range u {
			weighted[k] = x * d[k]
			own += x * weighted[k]
		}
		for row := range r.rows {
			i := row*r.n + j
			slope := dot(weighted, r.aim[i:(row+1)*r.n])
			value := r.src[i] - r.e[i]
			code, better := r.nearest(value+slope/own, r.scale[i/r.group], r.shift[i/r.group])
			if uint8(code) != r.codes[i] {
				r.codes[i], r.e[i] = uint8(code), r.src[i]-better
				axpy(value-better, u, r.aim[i:])
			}
		}
	}
}

func axpy(a float32, x, y []float32) {
	blas32.Axpy(a, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(x), Inc: 1, Data: y})
}

func dot(x, y []float32) float32 {
	return blas32.Dot(blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(x), Inc: 1, Data: y})
}

// keepBetter replaces ggml's rows in dst by those that give smaller errors of the results.
func (r *run) keepBetter(q Quantizer, dst []byte) error {
	plain := make([]float32, len(r.src))
	if err := q.Dequantize(r.typ, plain, dst); err != nil {
		return err
	}
	for i, x := range r.src {
		plain[i] = x - plain[i]
	}
	size := int(r.typ.BlockBytes())
	own, ggml := r.costs(r.e), r.costs(plain)
	for row := range r.rows {
		if !(own[row] < ggml[row]) {
			continue
		}
		for col := 0; col < r.n; col += r.block {
			block := r.blocks(col)[row*size:][:size]
			for i := range r.block {
				r.put(block, i, int(r.codes[row*r.n+col+i]))
			}
			copy(dst[(row*r.n+col)/r.block*size:], block)
		}
	}
	return nil
}

// costs returns the sum of the squared errors of each row's results: e·H·eᵀ, without the damping.
func (r *run) costs(e []float32) []float64 {
	products := make([]float32, len(e))
	for begin := 0; begin < r.n; begin += panel {
		r.spread(e, products, begin, min(begin+panel, r.n), begin)
	}
	costs := make([]float64, r.rows)
	for row := range r.rows {
		for j, d := range r.d {
			x, own := float64(products[row*r.n+j]), float64(e[row*r.n+j])
			costs[row] += x*x*float64(d) - own*own*float64(r.damping)
		}
	}
	return costs
}
