package calibration

import (
	"fmt"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// Weights are some of the weights of a matrix. A file has them of each matrix, so that its model is recognized in any type of weights.
type Weights [4 * 16]float32

// sampledRows is how many rows of a matrix Sample takes weights from.
const sampledRows = 4

// Sample takes weights from a matrix, [inputs, rows]. read reads a row.
func Sample(inputs, rows int64, read func(row int64, dst []float32) error) (w Weights, err error) {
	const columns = len(w) / sampledRows
	dst := make([]float32, inputs)
	for i := range w {
		if i%columns == 0 {
			if err := read(int64(2*(i/columns)+1)*rows/(2*sampledRows), dst); err != nil {
				return Weights{}, err
			}
		}
		w[i] = dst[int64(2*(i%columns)+1)*inputs/int64(2*columns)]
	}
	return w, nil
}

// Difference says how far the weights of two models are apart. The zero value is the difference of equal models.
type Difference struct {
	squares []float64 // of each matrix the squared distance of its weights, as a part of the mean of their squares
}

// Add adds a matrix.
func (d *Difference) Add(a, b Weights) {
	distance, squares := 0.0, 0.0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		distance += (x - y) * (x - y)
		squares += (x*x + y*y) / 2
	}
	if squares > 0 { // matrices that were never trained may be all zeros
		d.squares = append(d.squares, distance/squares)
	}
}

// Relative returns the difference of half of the matrices as a part of their weights: it is at most that. It is about 0.005 between a model
// and its Q8_0 file, 0.1 for Q4_K and 0.3 for Q2_K. Two models that have nothing in common have 1.4.
func (d Difference) Relative() float64 {
	if len(d.squares) == 0 {
		return 0
	}
	return math.Sqrt(slices.Sorted(slices.Values(d.squares))[len(d.squares)/2])
}

// otherModel is the difference from which on two models count as different.
const otherModel = 0.7

// OtherModelError is the error of moments that belong to another model.
type OtherModelError struct {
	path, model string
	difference  float64
}

func (e *OtherModelError) Error() string {
	return fmt.Sprintf("%s: has the moments of another model, %s: the weights differ by %.0f %%", e.path, excerpt.Of(e.model), 100*e.difference)
}

// Accept returns an *OtherModelError if the file belongs to another model than the one that d compares with its Weights.
func (f *File) Accept(d Difference) error {
	if d.Relative() >= otherModel {
		return &OtherModelError{f.Path(), f.Model, d.Relative()}
	}
	return nil
}

// weights reads the samples of all entries.
func (f *File) weights() error {
	v, _ := f.file.Value(keyWeights)
	x, _ := v.([]float32)
	const each = len(Weights{})
	if len(x) != each*len(f.Entries) {
		return fmt.Errorf("key %q has %d numbers for %d tensors, want %d: make the file again", keyWeights, len(x), len(f.Entries), each*len(f.Entries))
	}
	if i := float.FirstNotFinite(x); i >= 0 {
		return fmt.Errorf("key %q: element %d is %v: the file is damaged", keyWeights, i, x[i])
	}
	for i := range f.Entries {
		f.Entries[i].Weights = Weights(x[i*each:])
	}
	return nil
}

// samples is the value of keyWeights.
func samples(entries []Entry) []float32 {
	var x []float32
	for _, e := range entries {
		x = append(x, e.Weights[:]...)
	}
	return x
}
