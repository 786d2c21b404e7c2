package convert

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/dialect"
	"github.com/gosling-rwkv/gosling/rwkv"
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
	if s.NormEps == 0 {
		return nil
	}
	return setEpsilon(&c.NormEps, s.NormEps, "the norms (layer_norm_epsilon or norm_eps)")
}

// setEpsilon sets the epsilon of a norm to one that was computed from config.json.
func setEpsilon(to *float32, eps float64, of string) error {
	if !(eps > 0 && eps < 1) {
		return fmt.Errorf("config.json says an epsilon of %v for %s: want a small positive number", eps, of)
	}
	*to = float32(eps)
	return nil
}

// setGroupNorm sets the epsilon of the norm after the recurrence: given by the user if it is not 0, else what the program that
// wrote the file computes with.
func (p *plan) setGroupNorm(file *checkpoint.File, given float32) error {
	c := &p.config
	switch {
	case given != 0 && c.HeadSize == 1:
		return fmt.Errorf("%s has no norm after its recurrence, so no epsilon can be given", c.Arch)
	case given != 0 && !(given > 0 && given < 1):
		return fmt.Errorf("an epsilon of %v for the norm after the recurrence: want a small positive number, such as 64e-5", given)
	case given != 0:
		c.GroupNormEps = given
		return nil
	case c.HeadSize == 1:
		return nil
	}
	const what = "the norm after the recurrence"
	if file.Dialect == dialect.FLA {
		return p.setFLAGroupNorm(file.Settings, what)
	}
	if s := file.Settings; s != nil && s.HeadDivisor != 0 { // the heads are divided by it before a norm of epsilon 1e-5
		return setEpsilon(&c.GroupNormEps, 1e-5*s.HeadDivisor*s.HeadDivisor, what)
	}
	return nil
}

// setFLAGroupNorm sets the epsilon that flash-linear-attention computes with: that of the layer norms in RWKV-6, and as many
// times that as a head has channels in RWKV-7 (fla/layers/rwkv6.py, rwkv7.py). Without a config.json only heads of 64 channels
// in RWKV-7 have one that is the same for models trained there and for the authors' releases.
func (p *plan) setFLAGroupNorm(s *checkpoint.Settings, what string) error {
	c := &p.config
	if s == nil {
		if c.Arch == "rwkv7" && c.HeadSize == 64 {
			return nil
		}
		return &NoGroupNormError{}
	}
	eps := cmp.Or(s.NormEps, rwkv.NormEps)
	if c.Arch == "rwkv7" {
		eps *= float64(c.HeadSize)
	}
	if err := setEpsilon(&c.GroupNormEps, eps, what); err != nil {
		return err
	}
	if c.Arch == "rwkv6" && c.GroupNormEps != rwkv.GroupNormEps {
		p.notices = append(p.notices, Notice{Text: fmt.Sprintf("%s has an epsilon of %v, as %s computes; a release of RWKV-6 that was converted to it was trained with %v",
			what, c.GroupNormEps, dialect.FLA, float32(rwkv.GroupNormEps))})
	}
	return nil
}

// NoGroupNormError asks for Options.GroupNormEps: the layout of the checkpoint has no usual epsilon, and there is no config.json.
type NoGroupNormError struct{}

func (*NoGroupNormError) Error() string {
	return "no config.json beside it, which tells the epsilon of the norm after the recurrence of a model of " + dialect.FLA
}

// checkTied refuses a model whose config.json says that the head is the embedding, while its files have another head.
func checkTied(file *checkpoint.File) error {
	if file.Settings == nil || !file.Settings.Tied {
		return nil
	}
	emb, _ := file.Tensor("emb.weight")
	head, _ := file.Tensor("head.weight")
	if head.Data == emb.Data {
		return nil
	}
	same := emb.DType == head.DType && emb.Elements() == head.Elements()
	a, b := make([]byte, 256<<10), make([]byte, 256<<10)
	for at, size := int64(0), emb.Elements()*emb.DType.Size(); same && at < size; at += int64(len(a)) {
		n := min(int64(len(a)), size-at)
		if err := emb.ReadBytes(a[:n], at); err != nil {
			return fmt.Errorf("tensor %q: %w", emb.Name, err)
		}
		if err := head.ReadBytes(b[:n], at); err != nil {
			return fmt.Errorf("tensor %q: %w", head.Name, err)
		}
		same = bytes.Equal(a[:n], b[:n])
	}
	if !same {
		return fmt.Errorf("config.json says that the head is the embedding (tie_word_embeddings), but \"head.weight\" differs from \"emb.weight\": the folder's files are not of one model")
	}
	return nil
}
