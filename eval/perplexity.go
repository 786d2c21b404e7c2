package eval

import (
	"context"
	"math"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// Perplexity is how well a model predicted the scored tokens of some windows.
type Perplexity struct {
	PPL         Estimate     `json:"ppl"` // e to the mean of -ln p
	NLL         Estimate     `json:"nll"` // that mean
	BitsPerByte float.Number `json:"bits_per_byte"`
	Windows     int          `json:"windows"`
	Scored      int          `json:"scored_tokens"`
	Read        int          `json:"read_tokens"`
	Bytes       int64        `json:"scored_bytes"`
}

// update computes the figures from the tokens scored so far.
func (p *Perplexity) update(nll *Sum) {
	p.NLL = nll.Mean()
	p.PPL = p.NLL.exp()
	p.Scored = nll.N
	if p.Bytes > 0 {
		p.BitsPerByte = float.Number(nll.sum / math.Ln2 / float64(p.Bytes))
	}
}

// MeasurePerplexity reads the windows. After each block it calls progress with the figures so far, unless progress is nil.
func MeasurePerplexity(ctx context.Context, m *engine.Model, windows []Window, progress func(Perplexity)) (Perplexity, error) {
	reader, err := newReader(m)
	if err != nil {
		return Perplexity{}, err
	}
	defer reader.close()
	var p Perplexity
	var nll Sum
	for i, w := range windows {
		read := p.Read
		err := reader.read(ctx, i, w, func(b block) error {
			values := make([]float64, len(b.targets))
			err := parallel(len(values), func(k int) (err error) {
				values[k], err = surprise(b.row(k), b.targets[k])
				return atPosition(i, b.position+k, err)
			})
			for _, v := range values {
				nll.Add(v)
			}
			p.update(&nll)
			p.Read = read + b.position + len(values)
			if err == nil && progress != nil {
				progress(p)
			}
			return err
		})
		if err != nil {
			return p, err
		}
		p.Windows = i + 1
		p.Bytes += w.Bytes
		p.update(&nll)
	}
	return p, nil
}
