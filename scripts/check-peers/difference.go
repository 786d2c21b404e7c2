package main

import (
	"fmt"
	"math"
	"os"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// difference is how far apart two files of logits are.
type difference struct {
	largest    float64 // divided by the largest logit
	same, rows int     // rows with the same largest logit
}

// differenceOf compares two files of float32 rows.
func differenceOf(want, got string, rowLen int) (difference, error) {
	a, err := floats(want)
	if err != nil {
		return difference{}, err
	}
	b, err := floats(got)
	if err != nil {
		return difference{}, err
	}
	if len(a) != len(b) || len(a) == 0 || len(a)%rowLen != 0 {
		return difference{}, fmt.Errorf("%d logits, but %d from the peer: want rows of %d", len(b), len(a), rowLen)
	}
	d := difference{rows: len(a) / rowLen}
	scale := 0.0
	for i := range a {
		d.largest = math.Max(d.largest, math.Abs(float64(a[i])-float64(b[i])))
		scale = math.Max(scale, math.Abs(float64(a[i])))
	}
	d.largest /= scale
	for i := 0; i < len(a); i += rowLen {
		if argmax(a[i:][:rowLen]) == argmax(b[i:][:rowLen]) {
			d.same++
		}
	}
	return d, nil
}

func floats(path string) ([]float32, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	x := make([]float32, len(data)/4)
	float.DecodeF32(x, data[:4*len(x)])
	return x, nil
}

func argmax(x []float32) int {
	best := 0
	for i := range x {
		if x[i] > x[best] {
			best = i
		}
	}
	return best
}
