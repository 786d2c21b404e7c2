package convert

import (
	"fmt"

	"gosling/checkpoint"
	"gosling/rwkv"
)

// apply takes from a config.json what no tensor tells, and holds the rest of it to the tensors: a folder may have files of
// several models.
func apply(s *checkpoint.Settings, c *rwkv.Config) error {
	if s == nil {
		return nil
	}
	for _, dim := range []struct {
		name      string
		says, has int
	}{
		{"channels (hidden_size)", s.Embed, c.Embed}, {"layers (num_hidden_layers)", s.Layers, c.Layers}, {"rows of the vocabulary (vocab_size)", s.Vocab, c.Vocab},
	} {
		if dim.says != 0 && dim.says != dim.has {
			return fmt.Errorf("config.json says %d %s, and the tensors %d: the folder's files are not of one model", dim.says, dim.name, dim.has)
		}
	}
	if c.HeadSize > 1 && s.HeadSize != 0 && s.HeadSize != c.HeadSize {
		return fmt.Errorf("config.json says heads of %d, and the tensors of %d: the folder's files are not of one model", s.HeadSize, c.HeadSize)
	}
	for _, eps := range []struct {
		name string
		says float64
		to   *float32
	}{{"the norms (layer_norm_epsilon or norm_eps)", s.NormEps, &c.NormEps}, {"the norm after the recurrence", s.GroupNormEps, &c.GroupNormEps}} {
		if eps.says == 0 {
			continue
		}
		if !(eps.says > 0 && eps.says < 1) {
			return fmt.Errorf("config.json says an epsilon of %v for %s: want a small positive number", eps.says, eps.name)
		}
		*eps.to = float32(eps.says)
	}
	return nil
}
