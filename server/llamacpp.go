package server

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/llamacpp"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/service"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// llamaCompletion continues texts in llama.cpp's form.
func (s *Server) llamaCompletion(c *call) error {
	r, err := decoded(c, llamacpp.DecodeCompletion)
	if err != nil {
		return err
	}
	p, err := c.askTexts(r.Options, r.Prompts)
	defer p.q.Begin.Release()
	if err != nil {
		return err
	}
	p.q.Tokens = true
	w := llamaWriter{prompted: p, r: r, content: map[int]*strings.Builder{}}
	if !r.Stream {
		return w.answer()
	}
	_, err = p.stream(&w, func(i int, _ *service.Answers) { w.prompt = i })
	return err
}

// llamaWriter writes texts as llama.cpp does.
type llamaWriter struct {
	prompted
	r *llamacpp.CompletionRequest

	// Of a stream:
	prompt  int // whose texts come now
	content map[int]*strings.Builder
}

// answer writes a response that is not streamed.
func (w *llamaWriter) answer() error {
	all, err := w.whole()
	if err != nil {
		return err
	}
	var list []llamacpp.Completion
	for i := range all {
		for choice, r := range all[i].results {
			text := w.completion(i, choice, &r.End, r.Text)
			text.Content = r.Text
			if text.Probabilities = wanted(&w.q, r.Tokens); w.r.Tokens {
				text.Tokens = ids(r.Tokens)
			}
			list = append(list, text)
		}
	}
	return w.c.answer(http.StatusOK, llamacpp.EncodeCompletions(list, w.r.Fields))
}

// ids returns the ids of tokens.
func ids(list []service.Token) []tokenizer.Token {
	all := make([]tokenizer.Token, len(list))
	for i, t := range list {
		all[i] = t.ID
	}
	return all
}

// completion describes a text at its end.
func (w *llamaWriter) completion(prompt, choice int, e *service.End, text string) llamacpp.Completion {
	q := w.q
	q.Prompt = w.prompts[prompt]
	c := w.c.llamaText(&q, w.r.Options, choice, e, text)
	c.Index = w.index(prompt, choice)
	return c
}

// llamaText describes a text at its end as llama.cpp does, without its content.
func (c *call) llamaText(q *service.Request, o api.Options, choice int, e *service.End, text string) llamacpp.Completion {
	m := c.s.o.Model
	return llamacpp.Completion{
		Index: choice, Model: m.Name(), Settings: llamaSettings(q, o, choice, e), Prompt: m.PromptText(q.Prompt),
		Predicted: e.Tokens, Evaluated: e.Prompt, Held: e.Prompt + e.Tokens,
		NewLine: strings.Contains(text, "\n"), Truncated: m.Context() > 0 && e.Prompt+e.Tokens >= m.Context(),
		Stop: llamaStop(e.Reason), StopWord: e.Stop, Timings: timings(e), State: stateInfo(e.State),
	}
}

// llamaSettings returns what a text was generated with.
func llamaSettings(q *service.Request, o api.Options, choice int, e *service.End) llamacpp.Settings {
	sampling := q.Sampling
	sampling.Seed += uint64(choice)
	sampling.Banned = append(slices.Clip(sampling.Banned), e.Banned...)
	o.Stop = q.Stop
	if o.Limit = nil; e.Limit > 0 {
		o.Limit = &e.Limit
	}
	return llamacpp.Settings{Options: o, Sampling: sampling}
}

// llamaStop returns why a text ended, as llama.cpp names it.
func llamaStop(reason generate.Reason) llamacpp.Stop {
	switch reason {
	case generate.EndOfText:
		return llamacpp.AtEnd
	case generate.StopString:
		return llamacpp.AtWord
	}
	return llamacpp.AtLimit
}

// begin implements pourer.
func (w *llamaWriter) begin(choice int) [][]byte {
	w.content[w.index(w.prompt, choice)] = &strings.Builder{}
	return nil
}

// progress implements pourer.
func (w *llamaWriter) progress(p *service.Progress) [][]byte {
	if !w.r.Progress {
		return nil
	}
	return [][]byte{w.chunk(llamacpp.Chunk{Progress: progress(p)})}
}

// part implements pourer.
func (w *llamaWriter) part(choice int, p service.Part, n int, t *api.Timings) [][]byte {
	w.content[w.index(w.prompt, choice)].WriteString(p.Text)
	return [][]byte{w.chunk(llamacpp.Chunk{
		Index: w.index(w.prompt, choice), Content: p.Text, Tokens: ids(p.Tokens), Predicted: n, Evaluated: len(w.prompts[w.prompt].Tokens),
		Timings: t, Probabilities: wanted(&w.q, p.Tokens),
	})}
}

// end implements pourer.
func (w *llamaWriter) end(choice int, e *service.End) [][]byte {
	text := w.completion(w.prompt, choice, e, w.content[w.index(w.prompt, choice)].String())
	return [][]byte{api.Event(llamacpp.EncodeCompletions([]llamacpp.Completion{text}, w.r.Fields))}
}

// done implements pourer.
func (w *llamaWriter) done([]*service.End) [][]byte { return nil }

func (w *llamaWriter) chunk(c llamacpp.Chunk) []byte { return api.Event(llamacpp.EncodeChunk(c)) }

func (w *llamaWriter) everyTimings() bool { return w.r.Timings }

// llamaEmbeddings returns vectors in llama.cpp's form.
func (s *Server) llamaEmbeddings(c *call) error {
	r, err := decoded(c, llamacpp.DecodeEmbeddings)
	if err != nil {
		return err
	}
	c.ignored(r.Ignored)
	vectors, _, err := c.embed(r.Inputs, engine.LastToken)
	if err != nil {
		return err
	}
	for i := range vectors {
		vectors[i] = r.Norm.Apply(vectors[i])
	}
	return c.answer(http.StatusOK, llamacpp.EncodeEmbeddings(vectors))
}

// tokenize cuts a text into tokens.
func (s *Server) tokenize(c *call) error {
	r, err := decoded(c, llamacpp.DecodeTokenize)
	if err != nil {
		return err
	}
	c.ignored(r.Ignored)
	vocab, err := s.o.Model.TextTokenizer()
	if err != nil {
		return notText()
	}
	tokens, err := r.Content.Encode(vocab)
	if err != nil {
		return told(&service.PromptError{Err: err})
	}
	if r.Pieces {
		return c.answer(http.StatusOK, llamacpp.EncodePieces(tokens, vocab))
	}
	return c.answer(http.StatusOK, llamacpp.EncodeTokens(tokens))
}

// notText is the error of text for a model without a tokenizer.
func notText() error {
	return &api.Error{Kind: api.Unsupported, Message: "the model has no tokenizer, so it reads token ids only"}
}

// detokenize returns the text of tokens.
func (s *Server) detokenize(c *call) error {
	r, err := decoded(c, llamacpp.DecodeDetokenize)
	if err != nil {
		return err
	}
	c.ignored(r.Ignored)
	vocab, err := s.o.Model.TextTokenizer()
	if err != nil {
		return notText()
	}
	return c.answer(http.StatusOK, llamacpp.EncodeContent(vocab.Decode(r.Tokens)))
}

// applyTemplate returns the prompt of a conversation.
func (s *Server) applyTemplate(c *call) error {
	r, err := decoded(c, llamacpp.DecodeTemplate)
	if err != nil {
		return err
	}
	c.ignored(r.Ignored)
	format, err := r.Format(s.o.Model.Format())
	if err != nil {
		return err
	}
	p, err := s.o.Model.Chat(format, r.Messages, r.Next, nil)
	if err != nil {
		return told(err)
	}
	return c.answer(http.StatusOK, llamacpp.EncodePrompt(p.Text))
}

// props describes the server as llama.cpp's.
func (s *Server) props(c *call) error {
	m := s.o.Model
	p := llamacpp.Props{
		Settings: llamacpp.Settings{Sampling: m.DefaultSampling()}, Context: m.Context(), Slots: m.Slots(), Alias: m.Name(),
		File: filepath.Base(m.File().Path()), Type: m.Kind(), Template: m.Format().Name, Turns: !m.Format().Verbatim, Thinks: m.Format().Thinks, Build: m.Fingerprint(), HasSlots: !s.o.NoSlots, HasMetrics: !s.o.NoMetrics,
	}
	return c.answer(http.StatusOK, llamacpp.EncodeProps(p))
}

// slots tells what the slots do.
func (s *Server) slots(c *call) error {
	if s.o.NoSlots {
		return refuse(api.Unsupported, http.StatusNotImplemented, "what the slots of this server do is not told")
	}
	m := s.o.Model
	var list []llamacpp.Slot
	for _, slot := range m.InSlots() {
		told := llamacpp.Slot{Busy: slot.Busy, Prompt: slot.Prompt, Read: slot.Read, Cached: slot.Cached, Generated: slot.Generated}
		if left := slot.Limit - slot.Generated; slot.Limit > 0 {
			told.Remaining = &left
		}
		list = append(list, told)
	}
	return c.answer(http.StatusOK, llamacpp.EncodeSlots(list, m.Context()))
}
