// Package plain is float64 arithmetic for the references of RWKV's versions. It uses slices and loops, without ggml. It is slow,
// and easy to check by reading.
package plain

import "math"

// Sigmoid returns 1/(1+e^-x).
func Sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// SiLU returns x·sigmoid(x).
func SiLU(x float64) float64 { return x * Sigmoid(x) }

// ReLU2 returns max(x, 0)².
func ReLU2(x float64) float64 { return max(x, 0) * max(x, 0) }

// Lerp interpolates from x to y with the weights mu: x + (y-x)⊙mu.
func Lerp(x, y, mu []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = x[i] + (y[i]-x[i])*mu[i]
	}
	return z
}

// Add returns x + y.
func Add(x, y []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = x[i] + y[i]
	}
	return z
}

// Mul returns x ⊙ y.
func Mul(x, y []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = x[i] * y[i]
	}
	return z
}

// Apply returns f of every element.
func Apply(x []float64, f func(float64) float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = f(x[i])
	}
	return z
}

// Matrix is a matrix [out][in], stored by rows.
type Matrix struct {
	data    []float64
	product func(m, x []float64) []float64 // nil for a float64 product
}

// Times returns the product of the matrix and x.
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

// Part returns matrix i of the matrices stacked in m, which have n elements each.
func (m Matrix) Part(i, n int) Matrix { return Matrix{m.data[i*n:][:n], m.product} }

// normalize shifts and scales x to mean 0 and variance 1. The variance is the biased one.
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

// Of normalizes x as a whole.
func (n Norm) Of(x []float64, eps float64) []float64 { return n.scale(normalize(x, eps)) }

// OfHeads normalizes each head's part of x separately. A head has size elements.
func (n Norm) OfHeads(x []float64, size int, eps float64) []float64 {
	y := make([]float64, 0, len(x))
	for h := 0; h < len(x); h += size {
		y = append(y, normalize(x[h:][:size], eps)...)
	}
	return n.scale(y)
}

func (n Norm) scale(x []float64) []float64 { return Add(Mul(x, n.Weight), n.Bias) }
