package eval

import (
	"context"
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// TensorError is the difference between a tensor's elements and those of the base.
type TensorError struct {
	Name  string       `json:"name"`
	Kind  string       `json:"kind"`  // the name without layer and ending
	Layer int          `json:"layer"` // -1 outside the layers
	Type  string       `json:"type"`
	RMSE  float.Number `json:"rmse"`
	Error float.Number `json:"relative_error"` // RMSE divided by the root mean square of the base's elements
}

// Dequantizer decodes blocks of any type. ggml.Library implements it.
type Dequantizer interface {
	Dequantize(t gguf.Type, dst []float32, src []byte) error
}

// piece is how many elements of a tensor are compared at once. It is a multiple of every block.
const piece = 1 << 18

// CompareWeights compares the tensors of two files that have the same number of elements and different types.
func CompareWeights(ctx context.Context, d Dequantizer, base, candidate *gguf.File) ([]TensorError, error) {
	var all []TensorError
	for _, c := range candidate.Tensors() {
		b, ok := base.Tensor(c.Name)
		if !ok || b.Type == c.Type || b.Elements() != c.Elements() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		squares, power, err := compareTensor(d, base, candidate, b, c)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", c.Name, err)
		}
		e := TensorError{Name: c.Name, Type: c.Type.String(), Kind: rwkv.KindOf(c.Name), RMSE: float.Number(math.Sqrt(squares / float64(c.Elements())))}
		if power > 0 {
			e.Error = float.Number(math.Sqrt(squares / power))
		}
		e.Layer, _ = rwkv.SplitName(c.Name)
		all = append(all, e)
	}
	return all, nil
}

// compareTensor returns the sums of the squared differences and of the base's squared elements.
func compareTensor(d Dequantizer, base, candidate *gguf.File, b, c gguf.Tensor) (squares, power float64, err error) {
	n := c.Elements()
	pieces := int((n + piece - 1) / piece)
	sums := make([][2]float64, pieces)
	err = parallel(pieces, func(i int) error {
		from := int64(i) * piece
		to := min(n, from+piece)
		x, y := make([]float32, to-from), make([]float32, to-from)
		if err := elements(d, base, b, x, from); err != nil {
			return err
		}
		if err := elements(d, candidate, c, y, from); err != nil {
			return err
		}
		for k, v := range x {
			diff := float64(v) - float64(y[k])
			sums[i][0] += diff * diff
			sums[i][1] += float64(v) * float64(v)
		}
		return nil
	})
	for _, s := range sums {
		squares, power = squares+s[0], power+s[1]
	}
	return squares, power, err
}

// elements decodes some of a tensor's elements. from must be the first element of a block.
func elements(d Dequantizer, f *gguf.File, t gguf.Tensor, dst []float32, from int64) error {
	at, err := t.Type.RowBytes(from)
	if err != nil {
		return err
	}
	n, err := t.Type.RowBytes(int64(len(dst)))
	if err != nil {
		return err
	}
	data := make([]byte, n)
	if err := f.ReadAt(t, data, at); err != nil {
		return err
	}
	return d.Dequantize(t.Type, dst, data)
}
