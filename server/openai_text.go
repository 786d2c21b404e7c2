package server

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/openai"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/service"
)

// completions continues texts.
func (s *Server) completions(c *call) error {
	r, err := decoded(c, openai.DecodeCompletion)
	if err != nil {
		return err
	}
	p, err := c.askTexts(r.Options, r.Prompts)
	defer p.q.Begin.Release()
	if err != nil {
		return err
	}
	p.q.Choices = r.BestOf
	p.q.PromptTokens = r.Echo && p.q.Probabilities != nil
	if r.BestOf > r.Choices && p.q.Probabilities == nil {
		p.q.Probabilities = &sched.Probabilities{}
	}
	w := textWriter{prompted: p, r: r, head: c.head("cmpl-")}
	if !r.Stream {
		return w.answer()
	}
	ends, err := p.stream(&w, func(i int, answers *service.Answers) {
		w.prompt, w.answers, w.offset, w.said = i, answers, map[int]int{}, map[int]*strings.Builder{}
	})
	if err != nil {
		return err
	}
	return c.streaming.sendAll(w.done(ends))
}

// textWriter writes texts as completions.
type textWriter struct {
	prompted
	r    *openai.CompletionRequest
	head openai.Head

	// Of a stream:
	prompt  int // whose texts come now
	answers *service.Answers
	offset  map[int]int              // characters of each choice so far
	said    map[int]*strings.Builder // the text of each choice so far
}

// answer writes a response that is not streamed.
func (w *textWriter) answer() error {
	all, err := w.whole()
	if err != nil {
		return err
	}
	response := openai.CompletionResponse{Head: w.head, State: stateInfo(all[0].results[0].End.State)}
	var t api.Timings
	for i := range all {
		choices, verbose := w.choices(i, all[i])
		if i == 0 {
			response.Verbose = verbose
		}
		response.Choices = append(response.Choices, choices...)
		response.Usage, t = plus(response.Usage, usage(all[i].ends()...)), later(t, timings(all[i].ends()...))
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

// choices returns the texts of a prompt: the likeliest ones, if more were generated. verbose is the first in llama.cpp's form, if the request
// asked for it.
func (w *textWriter) choices(prompt int, t texts) (choices []openai.CompletionChoice, verbose []byte) {
	order := make([]int, len(t.results))
	for i := range order {
		order[i] = i
	}
	if len(order) > w.r.Choices {
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Compare(meanLogprob(t.results[b].Tokens), meanLogprob(t.results[a].Tokens))
		})
	}
	choices = make([]openai.CompletionChoice, w.r.Choices)
	for i := range choices {
		r := &t.results[order[i]]
		choices[i] = openai.CompletionChoice{Index: prompt*w.r.Choices + i, Text: r.Text, Finish: finish(r.End.Reason)}
		if w.r.Logprobs != nil {
			choices[i].Logprobs = tokens(r.Tokens, w.r.Sampled)
		}
		if w.r.Echo {
			choices[i].Text = w.c.s.o.Model.PromptText(w.prompts[prompt]) + choices[i].Text
			if w.r.Logprobs != nil {
				choices[i].Logprobs = append(tokens(t.prompt, false), choices[i].Logprobs...)
			}
		}
	}
	if w.r.Verbose {
		q, first := w.request(prompt), &t.results[order[0]]
		verbose = w.c.verbose(&q, w.r.Options, order[0], &first.End, first.Text)
	}
	return choices, verbose
}

// begin implements pourer.
func (w *textWriter) begin(choice int) [][]byte {
	w.said[choice] = &strings.Builder{}
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
	w.said[choice].WriteString(p.Text)
	return [][]byte{w.text(choice, openai.CompletionChoice{Text: p.Text, Logprobs: wanted(&w.q, p.Tokens)}, t)}
}

// text returns the chunk with the next text of a choice.
func (w *textWriter) text(choice int, c openai.CompletionChoice, t *api.Timings) []byte {
	c.Index, c.Offset = w.index(w.prompt, choice), w.offset[choice]
	w.offset[choice] += utf8.RuneCountInString(c.Text)
	return w.chunk(openai.CompletionChunk{Choice: c, Timings: t})
}

// end implements pourer.
func (w *textWriter) end(choice int, e *service.End) [][]byte {
	t := timings(e)
	last := openai.CompletionChunk{
		Choice: openai.CompletionChoice{Index: w.index(w.prompt, choice), Finish: finish(e.Reason)}, State: stateInfo(e.State), Timings: &t,
	}
	if w.r.Verbose {
		q := w.request(w.prompt)
		last.Verbose = w.c.verbose(&q, w.r.Options, choice, e, w.said[choice].String())
	}
	return [][]byte{w.chunk(last)}
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
