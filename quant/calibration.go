package quant

import (
	"context"
	"fmt"
	"sync"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rounding"
)

// Calibration rounds matrices by the second moments of their inputs. Tensors of which the file holds nothing are rounded as without it.
// Types without a grid are rounded by ggml, and the diagonal of the moments is their importance.
type Calibration struct {
	Path string // of the file, which the output names
	File *calibration.File
}

// The keys that say what a file was calibrated with.
const (
	keyCalibration       = "gosling.calibration.file"
	keyCalibrationText   = "gosling.calibration.dataset"
	keyCalibrationChunks = "gosling.calibration.chunks_count"
)

// OpenCalibration opens a file of second moments. One that is not finished is an error. The caller closes it.
func OpenCalibration(path string) (*Calibration, error) {
	f, err := calibration.Open(path)
	if err != nil {
		return nil, err
	}
	if err := f.Finished(); err != nil {
		f.Close()
		return nil, err
	}
	return &Calibration{path, f}, nil
}

// Close closes the file. c may be nil.
func (c *Calibration) Close() error {
	if c == nil {
		return nil
	}
	return c.File.Close()
}

// keys adds what the output tells of the calibration.
func (c *Calibration) keys(keys []gguf.KV) []gguf.KV {
	keys = setKey(keys, keyCalibration, gguf.Text(c.Path, maxText))
	if len(c.File.Datasets) > 0 {
		keys = setKey(keys, keyCalibrationText, gguf.Text(c.File.Datasets[0], maxText))
	}
	return setKey(keys, keyCalibrationChunks, uint32(c.File.Entries[0].Chunks))
}

// find returns what the file has of a tensor, and whether it has the tensor.
func (c *Calibration) find(t gguf.Tensor) (calibration.Entry, bool, error) {
	e, ok := c.File.Find(t.Name)
	if ok && e.Inputs != t.Shape[0] {
		return e, false, fmt.Errorf("%s: tensor %q has %d inputs there, and %d in the model: the file is of another model", c.Path, t.Name, e.Inputs, t.Shape[0])
	}
	return e, ok, nil
}

// weights returns the mean square of each input of a tensor, and whether the file has the tensor.
func (c *Calibration) weights(ctx context.Context, t gguf.Tensor) ([]float32, bool, error) {
	e, ok, err := c.find(t)
	if !ok {
		return nil, false, err
	}
	w, err := c.File.Squares(ctx, t.Name)
	for i := range w {
		w[i] /= float32(e.Chunks) * float32(c.File.ChunkSize)
	}
	return w, true, err
}

// rounder returns what rounds a source by the moments of its inputs, or nil if nothing does.
func (c *Calibration) rounder(s Source) *rounder {
	if c == nil || !s.rounded() || !rounding.Knows(s.Tensor.Type) {
		return nil
	}
	if _, ok := c.File.Find(s.Tensor.Name); !ok {
		return nil
	}
	return &rounder{file: c.File, tensor: s.Tensor.Name, inputs: int(s.Tensor.Shape[0]), left: s.Tensor.Elements()}
}

// rounder rounds the pieces of a tensor. It holds the factor of the moments from the first piece to the last.
type rounder struct {
	file   *calibration.File
	tensor string
	inputs int

	mu     sync.Mutex
	factor *rounding.Factor
	left   int64 // elements that are not rounded yet
}

// round writes a piece to out as type t.
func (r *rounder) round(ctx context.Context, q Quantizer, t gguf.Type, out []byte, x, weights []float32, threads int) error {
	f, err := r.open(ctx, threads)
	if err != nil {
		return err
	}
	if err := f.Round(ctx, q, t, out, x, weights); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left -= int64(len(x)); r.left == 0 {
		r.factor = nil
	}
	return nil
}

// open returns the factor. The first caller makes it, with all threads, while others wait.
func (r *rounder) open(ctx context.Context, threads int) (*rounding.Factor, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.factor != nil {
		return r.factor, nil
	}
	moments, err := r.file.Moments(ctx, r.tensor)
	if err != nil {
		return nil, err
	}
	if r.factor, err = rounding.NewFactor(ctx, moments, r.inputs, threads); err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", r.file.Path(), err)
	}
	return r.factor, err
}
