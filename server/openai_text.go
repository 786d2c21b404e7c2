package server

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/openai"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/service"
)

// prompt returns the model's prompt for one of a request.
func (s *Server) prompt(p api.Prompt) (service.Prompt, error) {
	m := s.o.Model
	if p.Tokens == nil && p.Parts == nil {
		made, err := m.Text(p.Text)
		return made, told(err)
	}
	vocab, err := m.Tokenizer()
	if err != nil {
		return service.Prompt{}, err
	}
	tokens, err := p.Encode(vocab)
	if err != nil {
		return service.Prompt{}, told(&service.PromptError{Err: err})
	}
	made, err := m.TokenPrompt(tokens)
	return made, told(err)
}

// completions continues texts.
func (s *Server) completions(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	r, err := openai.DecodeCompletion(body)
	if err != nil {
		return err
	}
	q, err := c.ask(r.Options)
	defer q.Begin.Release()
	if err != nil {
		return err
	}
	if len(r.Prompts) > 1 && (r.SaveState != "" || r.ReturnState != "") {
		return api.Invalidf("prompt", "the state behind a text is kept for one prompt only")
	}
	q.Choices = r.BestOf
	q.PromptTokens = r.Echo && q.Probabilities != nil
	if r.BestOf > r.Choices && q.Probabilities == nil {
		q.Probabilities = &sched.Probabilities{}
	}
	prompts := make([]service.Prompt, len(r.Prompts))
	for i, p := range r.Prompts {
		if prompts[i], err = s.prompt(p); err != nil {
			return err
		}
	}
	w := textWriter{c: c, r: r, q: q, head: c.head("cmpl-"), prompts: prompts}
	if r.Stream {
		return w.stream()
	}
	return w.whole()
}

// textWriter writes texts as completions.
type textWriter struct {
	c       *call
	r       *openai.CompletionRequest
	q       service.Request // without a prompt
	head    openai.Head
	prompts []service.Prompt

	// Of a stream:
	prompt  int // whose texts come now
	answers *service.Answers
	offset  map[int]int // characters of each choice so far
}

// start begins the texts of a prompt.
func (w *textWriter) start(ctx context.Context, prompt int) (*service.Answers, error) {
	q := w.q
	q.Prompt = w.prompts[prompt]
	return w.c.startTexts(ctx, q)
}

// whole writes a response that is not streamed.
func (w *textWriter) whole() error {
	choices := make([][]openai.CompletionChoice, len(w.prompts))
	ends := make([][]*service.End, len(w.prompts))
	group, ctx := errgroup.WithContext(w.c.ctx)
	group.SetLimit(w.c.s.o.Model.Slots())
	for i := range w.prompts {
		group.Go(func() (err error) {
			choices[i], ends[i], err = w.texts(ctx, i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	response := openai.CompletionResponse{Head: w.head, State: stateInfo(ends[0][0].State)}
	var t api.Timings
	for i := range w.prompts {
		for _, e := range ends[i] {
			w.c.reported(e)
		}
		response.Choices = append(response.Choices, choices[i]...)
		response.Usage, t = plus(response.Usage, usage(ends[i]...)), later(t, timings(ends[i]...))
	}
	response.Timings = &t
	return w.c.answer(http.StatusOK, openai.EncodeCompletion(response))
}

// plus adds the tokens of another prompt's texts.
func plus(u, v api.Usage) api.Usage {
	return api.Usage{Prompt: u.Prompt + v.Prompt, Cached: u.Cached + v.Cached, Completion: u.Completion + v.Completion, Reasoning: u.Reasoning + v.Reasoning}
}

// later adds the tokens of another prompt's texts, which were computed beside the others.
func later(t, u api.Timings) api.Timings {
	return api.Timings{
		Cached: t.Cached + u.Cached, Prompt: t.Prompt + u.Prompt, Predicted: t.Predicted + u.Predicted,
		Read: max(t.Read, u.Read), Decoded: max(t.Decoded, u.Decoded),
	}
}

// texts returns the texts of a prompt: the likeliest ones, if more were generated.
func (w *textWriter) texts(ctx context.Context, prompt int) ([]openai.CompletionChoice, []*service.End, error) {
	answers, err := w.start(ctx, prompt)
	if err != nil {
		return nil, nil, err
	}
	defer answers.Close()
	results, err := answers.Collect()
	if err != nil {
		return nil, nil, told(err)
	}
	ends := make([]*service.End, len(results))
	for i := range results {
		ends[i] = &results[i].End
	}
	order := slices.Clone(results)
	if len(order) > w.r.Choices {
		slices.SortStableFunc(order, func(a, b service.Result) int { return cmp.Compare(meanLogprob(b.Tokens), meanLogprob(a.Tokens)) })
	}
	choices := make([]openai.CompletionChoice, w.r.Choices)
	for i := range choices {
		choices[i] = openai.CompletionChoice{Index: prompt*w.r.Choices + i, Text: order[i].Text, Finish: finish(order[i].End.Reason)}
		if w.r.Logprobs != nil {
			choices[i].Logprobs = tokens(order[i].Tokens, w.r.Sampled)
		}
		if w.r.Echo {
			choices[i].Text = w.c.s.o.Model.PromptText(w.prompts[prompt]) + choices[i].Text
			if w.r.Logprobs != nil {
				choices[i].Logprobs = append(tokens(answers.Prompt(), false), choices[i].Logprobs...)
			}
		}
	}
	return choices, ends, nil
}

// stream writes the texts of one prompt after the other.
func (w *textWriter) stream() error {
	var all []*service.End
	for i := range w.prompts {
		answers, err := w.start(w.c.ctx, i)
		if err != nil {
			return err
		}
		w.prompt, w.answers, w.offset = i, answers, map[int]int{}
		ends, err := w.c.pourTexts(answers, w)
		answers.Close()
		if err != nil {
			return err
		}
		all = append(all, ends...)
	}
	return w.c.streaming.sendAll(w.done(all))
}

// begin implements pourer.
func (w *textWriter) begin(choice int) [][]byte {
	if !w.r.Echo {
		return nil
	}
	echo := openai.CompletionChoice{Text: w.c.s.o.Model.PromptText(w.prompts[w.prompt])}
	if w.q.PromptTokens {
		echo.Logprobs = tokens(w.answers.Prompt(), false)
	}
	return [][]byte{w.text(choice, echo, nil)}
}

// progress implements pourer.
func (w *textWriter) progress(p *service.Progress) [][]byte {
	if !w.r.Progress {
		return nil
	}
	return [][]byte{w.chunk(openai.CompletionChunk{Progress: progress(p)})}
}

// part implements pourer.
func (w *textWriter) part(choice int, p service.Part, _ int, t *api.Timings) [][]byte {
	return [][]byte{w.text(choice, openai.CompletionChoice{Text: p.Text, Logprobs: wanted(&w.q, p.Tokens)}, t)}
}

// text returns the chunk with the next text of a choice.
func (w *textWriter) text(choice int, c openai.CompletionChoice, t *api.Timings) []byte {
	c.Index, c.Offset = w.index(choice), w.offset[choice]
	w.offset[choice] += utf8.RuneCountInString(c.Text)
	return w.chunk(openai.CompletionChunk{Choice: c, Timings: t})
}

func (w *textWriter) index(choice int) int { return w.prompt*w.r.Choices + choice }

// end implements pourer.
func (w *textWriter) end(choice int, e *service.End) [][]byte {
	t := timings(e)
	return [][]byte{w.chunk(openai.CompletionChunk{
		Choice: openai.CompletionChoice{Index: w.index(choice), Finish: finish(e.Reason)}, State: stateInfo(e.State), Timings: &t,
	})}
}

// done implements pourer.
func (w *textWriter) done(ends []*service.End) [][]byte {
	var last [][]byte
	if w.r.StreamUsage {
		var u api.Usage
		for i := 0; i < len(ends); i += w.r.Choices {
			u = plus(u, usage(ends[i:i+w.r.Choices]...))
		}
		last = append(last, w.chunk(openai.CompletionChunk{Usage: &u}))
	}
	return append(last, api.Event([]byte(api.Done)))
}

func (w *textWriter) chunk(c openai.CompletionChunk) []byte {
	c.Head = w.head
	return api.Event(openai.EncodeCompletionChunk(c))
}

func (w *textWriter) everyTimings() bool { return w.r.Timings }
