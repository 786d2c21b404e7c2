package compare

import (
	"context"
	"fmt"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/lm"
)

// PerplexityOptions say what Perplexity measures.
type PerplexityOptions struct {
	lm.Options
	Model   Model
	Text    Text
	Context int  // length of the chunks; 0 is DefaultContext
	Chunks  int  // maximum number; 0 is all
	Stream  bool // read the whole text in one pass, and score every token

	Progress func(Event) // nil drops it; called by one goroutine at a time
}

// PerplexityResult is how well a model predicts a text.
type PerplexityResult struct {
	Model   string `json:"model"`
	Text    string `json:"text"`
	Context int    `json:"context"` // 0 for a stream
	eval.Perplexity
	Seconds float.Number `json:"seconds"`
	Speed   float.Number `json:"tokens_per_second"`
}

// Perplexity measures how well a model predicts a text. A text with too few tokens gives a ShortError.
func Perplexity(ctx context.Context, o PerplexityOptions) (PerplexityResult, error) {
	t := teller{o.Progress}
	if o.Context == 0 {
		o.Context = DefaultContext
	}
	r := PerplexityResult{Model: o.Model.String(), Text: o.Text.name(), Context: o.Context}
	if o.Stream {
		r.Context = 0
	}
	data, err := t.read(ctx, o.Text)
	if err != nil {
		return r, err
	}
	m, err := lm.Open(ctx, o.Model.Path, o.Options)
	if err != nil {
		return r, err
	}
	defer m.Close()
	windows, err := o.windows(m, data)
	if err != nil {
		return r, err
	}
	now := clock.Of(ctx)
	begin := now()
	if r.Perplexity, err = t.perplexity(ctx, m, o.Model.label(), windows); err != nil {
		return r, fmt.Errorf("%v: %w", o.Model, err)
	}
	took := now.Since(begin)
	r.Seconds, r.Speed = float.Number(took.Seconds()), float.Rate(float64(r.Read), took)
	return r, nil
}

// windows cuts the text into chunks, or makes one window of it for a stream.
func (o *PerplexityOptions) windows(m *lm.Model, data []byte) ([]eval.Window, error) {
	text, err := encode(m, o.Text, data)
	if err != nil {
		return nil, err
	}
	var windows []eval.Window
	if o.Stream {
		windows, err = text.Stream()
	} else {
		windows, err = text.Chunks(o.Context, o.Chunks, eval.BOS(m.File(), m.Vocab()))
	}
	return windows, o.Text.fault(err)
}

// perplexity reads the windows and measures their perplexity.
func (t teller) perplexity(ctx context.Context, m *lm.Model, name string, windows []eval.Window) (eval.Perplexity, error) {
	line := t.reading(name, toRead(windows))
	defer line.end()
	return eval.MeasurePerplexity(line.follow(ctx), m.Model, windows, func(p eval.Perplexity) {
		line.say("PPL %.4f ± %.4f", p.PPL.Value, p.PPL.Error)
	})
}
