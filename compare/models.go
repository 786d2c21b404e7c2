package compare

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
)

// Candidate is a model to compare: a file, or a quantization of the base.
type Candidate struct {
	Model                     // Path is empty if the candidate is made; it then needs a Name
	How        quant.Retyping // how to make it
	Calibrated bool           // rounded by Setup.Calibration
	Keep       string         // path at which a made file is kept; empty removes the file
}

// checkModels returns an error for candidates that cannot be compared, before anything is computed.
func (r *run) checkModels() error {
	base, err := lm.OpenFile(r.Base.Path)
	if err != nil {
		return err
	}
	defer base.Close()
	r.result.Base = factsOf(base, r.Base.label())
	for _, cand := range r.Candidates {
		if cand.Path == "" {
			continue
		}
		file, err := lm.OpenFile(cand.Path)
		if err != nil {
			return err
		}
		err = unlike(base, file)
		file.Close()
		if err != nil {
			return fmt.Errorf("%v cannot be compared with %v: %w", cand.Model, r.Base, err)
		}
	}
	if r.Calibration == nil {
		return nil
	}
	lib, err := r.OpenLibrary()
	if err != nil {
		return err
	}
	return r.Calibration.Check(base, lib)
}

// unlike returns why two models cannot be compared, or nil.
func unlike(base, other *gguf.File) error {
	a, _ := base.String("general.architecture")
	b, _ := other.String("general.architecture")
	if a != b {
		return fmt.Errorf("its architecture is %s, the base's %s", excerpt.Of(b), excerpt.Of(a))
	}
	if n, m := rows(base), rows(other); n != m {
		return fmt.Errorf("its vocabulary has %d tokens, the base's %d", m, n)
	}
	x, _ := base.Strings("tokenizer.ggml.tokens")
	y, _ := other.Strings("tokenizer.ggml.tokens")
	if !slices.Equal(x, y) {
		return errors.New("its vocabulary has other tokens")
	}
	return nil
}

// rows returns the number of tokens that a model has embeddings for.
func rows(f *gguf.File) int64 {
	t, _ := f.Tensor("token_embd.weight")
	if len(t.Shape) < 2 {
		return 0
	}
	return t.Shape[1]
}

// factsOf returns the facts in a file's header.
func factsOf(file *gguf.File, name string) Facts {
	f := Facts{Name: name, Size: file.Size()}
	bytes, elements := int64(0), int64(0)
	for _, t := range file.Tensors() {
		bytes += t.Size
		elements += t.Elements()
	}
	if elements > 0 {
		f.BitsPerWeight = float.Number(8 * float64(bytes) / float64(elements))
	}
	return f
}
