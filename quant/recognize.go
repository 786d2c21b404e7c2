package quant

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Check returns an error if the moments are not those of the model in a file. q reads its weights.
func (c *Calibration) Check(file *gguf.File, q Quantizer) error {
	var sources []Source
	for _, t := range file.Tensors() {
		if _, ok, err := c.find(t); err != nil {
			return err
		} else if ok {
			sources = append(sources, sourceOf(file, t, t.Type))
		}
	}
	_, err := (&coder{quantizer: q}).differ(c.File, sources)
	return err
}

// differ says how far the weights of sources, which a calibration has moments of, are from those of its model. Those of another model are an
// error.
func (c *coder) differ(file *calibration.File, sources []Source) (calibration.Difference, error) {
	var apart calibration.Difference
	for _, s := range sources {
		e, _ := file.Find(s.Tensor.Name)
		w, err := c.sample(s)
		if err != nil {
			return apart, fmt.Errorf("tensor %q: %w", s.Tensor.Name, err)
		}
		apart.Add(e.Weights, w)
	}
	if err := file.Accept(apart); err != nil {
		return apart, fmt.Errorf("%w: calibrate this model", err)
	}
	return apart, nil
}

// sample takes some weights from a source.
func (c *coder) sample(s Source) (calibration.Weights, error) {
	width := s.Tensor.Shape[0]
	if s.Floats != nil {
		x, err := s.Floats()
		if err != nil {
			return calibration.Weights{}, err
		}
		return calibration.Sample(width, int64(len(x))/width, func(row int64, dst []float32) error {
			copy(dst, x[row*width:])
			return nil
		})
	}
	n, err := s.From.RowBytes(width)
	if err != nil {
		return calibration.Weights{}, err
	}
	data := make([]byte, n)
	return calibration.Sample(width, s.Tensor.Elements()/width, func(row int64, dst []float32) error {
		if err := s.Bytes(data, row*n); err != nil {
			return err
		}
		return c.decode(s.From, dst, data)
	})
}
