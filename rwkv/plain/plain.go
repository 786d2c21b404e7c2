// Package plain is the float64 arithmetic of the references of RWKV's versions: slices and loops, without ggml, slow and easy to check by
// reading.
package plain

import "math"

// Sigmoid is 1/(1+e^-x).
func Sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// SiLU is x·sigmoid(x).
func SiLU(x float64) float64 { return x * Sigmoid(x) }

// ReLU2 is max(x, 0)².
func ReLU2(x float64) float64 { return max(x, 0) * max(x, 0) }

// Lerp goes from x to y by the weights mu: x + (y-x)⊙mu.
func Lerp(x, y, mu []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = x[i] + (y[i]-x[i])*mu[i]
	}
	return z
}

// Add is x + y.
func Add(x, y []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = x[i] + y[i]
	}
	return z
}

// Mul is x ⊙ y.
func Mul(x, y []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = x[i] * y[i]
	}
	return z
}

// Apply is f of every element.
func Apply(x []float64, f func(float64) float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = f(x[i])
	}
	return z
}

// Matrix is a matrix [out][in], row after row.
type Matrix struct {
	data    []float64
	product func(m, x []float64) []float64 // nil for float64's
}

// Times is the product of the matrix and x.
func (m Matrix) Times(x []float64) []float64 {
	if m.product != nil {
		return m.product(m.data, x)
	}
	y := make([]float64, len(m.data)/len(x))
	for o := range y {
		for i, w := range m.data[o*len(x):][:len(x)] {
			y[o] += w * x[i]
		}
	}
	return y
}

// Part is the matrix number i of those of n elements that are stacked in m.
func (m Matrix) Part(i, n int) Matrix { return Matrix{m.data[i*n:][:n], m.product} }

// normalize shifts and scales to a mean of 0 and a variance of 1; the variance is the biased one.
func normalize(x []float64, eps float64) []float64 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	return Apply(x, func(v float64) float64 { return (v - mean) / math.Sqrt(variance+eps) })
}

// Norm is a norm's scale and shift.
type Norm struct{ Weight, Bias []float64 }

// Of normalizes x as one.
func (n Norm) Of(x []float64, eps float64) []float64 { return n.scale(normalize(x, eps)) }

// OfHeads normalizes each head's part of x, of the given size, by itself.
func (n Norm) OfHeads(x []float64, size int, eps float64) []float64 {
	y := make([]float64, 0, len(x))
	for h := 0; h < len(x); h += size {
		y = append(y, normalize(x[h:][:size], eps)...)
	}
	return n.scale(y)
}

func (n Norm) scale(x []float64) []float64 { return Add(Mul(x, n.Weight), n.Bias) }
