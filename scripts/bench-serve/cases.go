package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/internal/rounds"
	"github.com/gosling-rwkv/gosling/internal/served"
)

// figure is one number that was measured on a server.
type figure struct {
	name, unit string
	value      float64
}

// figures are those of one round, in the order measured.
type figures []figure

func (f *figures) add(name, unit string, value float64) { *f = append(*f, figure{name, unit, value}) }

// of returns the value of a name.
func (f figures) of(name string) (float64, bool) {
	for _, one := range f {
		if one.name == name {
			return one.value, true
		}
	}
	return 0, false
}

// bench asks one server in one round.
type bench struct {
	served.Client
	options
	round int
}

const (
	texts = "/v1/completions"
	chats = "/v1/chat/completions"
)

const (
	wanted        = 64 // tokens that each client of the bar throughput wants
	shortPrompt   = 8  // words, which are about ten tokens
	firstTurn     = 2000
	conversations = 64
)

// Names of figures that bars are computed from.
const (
	firstAlone  = "first token of a short prompt, alone"
	firstBeside = "first token of a short prompt while a long one is read"
	stepAlone   = "step of a stream, alone"
	gapBeside   = "largest gap of a stream while a long prompt is read"
	readLive    = "second turn: tokens read"
	readDropped = "second turn, thoughts dropped: tokens read"
	newTokens   = "second turn: new tokens"
)

func throughputOf(clients int) string { return fmt.Sprintf("%d clients x %d tokens", clients, wanted) }

// cases returns what measures a bar on a server with many slots.
func (b *bench) cases(bar string) func(context.Context, *figures) error {
	switch bar {
	case "throughput":
		return b.throughput
	case "interactive":
		return b.interactive
	default:
		return b.turns
	}
}

// generate asks for exactly n tokens behind a prompt, greedily.
func (b *bench) generate(ctx context.Context, prompt string, n int) (*served.Answer, error) {
	a, err := b.Stream(ctx, texts, served.Body{"prompt": prompt, "max_tokens": n, "temperature": 0, "ignore_eos": true}, nil)
	if err == nil && a.Usage.Completed != n {
		err = fmt.Errorf("%d tokens were generated, want %d", a.Usage.Completed, n)
	}
	return a, err
}

// prompt returns a short prompt that no other request of the round has.
func (b *bench) prompt(number int) string {
	return served.Prose(uint64(b.round*1000+number), shortPrompt)
}

func (b *bench) warmUp(ctx context.Context) error {
	_, err := b.generate(ctx, b.prompt(999), 4)
	return err
}

// throughput measures clients that each want a text at the same time.
func (b *bench) throughput(ctx context.Context, all *figures) error {
	for _, clients := range b.clients {
		group, ctx := errgroup.WithContext(ctx)
		begin := time.Now()
		for i := range clients {
			group.Go(func() error { _, err := b.generate(ctx, b.prompt(clients*20+i), wanted); return err })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		all.add(throughputOf(clients), "tok/s", float64(clients*wanted)/time.Since(begin).Seconds())
	}
	return nil
}

// interactive measures others while a long prompt is read.
func (b *bench) interactive(ctx context.Context, all *figures) error {
	const samples = 5
	var first []float64
	for i := range samples {
		a, err := b.generate(ctx, b.prompt(500+i), 1)
		if err != nil {
			return err
		}
		first = append(first, milliseconds(a.First()))
	}
	all.add(firstAlone, "ms", rounds.Median(first))
	if err := b.beside(ctx, all); err != nil {
		return err
	}
	return b.stream(ctx, all)
}

// longPrompt returns what begins to read a long prompt. The channel is closed when it has been read, and holds an error before that if
// something failed.
func (b *bench) longPrompt(ctx context.Context, number int) (read func() <-chan error, err error) {
	text, _, err := b.ProseOf(ctx, uint64(b.round*1000+number), b.long)
	return func() <-chan error {
		done := make(chan error, 1)
		go func() {
			defer close(done)
			if _, err := b.generate(ctx, text, 1); err != nil {
				done <- err
			}
		}()
		return done
	}, err
}

// beside measures the first tokens of short prompts while a long one is read.
func (b *bench) beside(ctx context.Context, all *figures) error {
	read, err := b.longPrompt(ctx, 600)
	if err != nil {
		return err
	}
	long := read()
	time.Sleep(30 * time.Millisecond) // until the server is at it
	var first []float64
	for i := 0; ; i++ {
		select {
		case err := <-long:
			if err != nil {
				return err
			}
			if len(first) == 0 {
				return errors.New("the long prompt was read before a short one could be asked: make it longer with -long")
			}
			all.add(firstBeside, "ms", rounds.Median(first))
			return nil
		default:
		}
		a, err := b.generate(ctx, b.prompt(700+i), 1)
		if err != nil {
			return err
		}
		first = append(first, milliseconds(a.First()))
	}
}

// stream measures the gaps of a stream: alone, and while a long prompt is read.
func (b *bench) stream(ctx context.Context, all *figures) error {
	const alone = 24 // pieces
	read, err := b.longPrompt(ctx, 801)
	if err != nil {
		return err
	}
	var long <-chan error
	enough := errors.New("the long prompt was read")
	var begun time.Duration // of the long prompt
	start := time.Now()
	body := served.Body{"prompt": b.prompt(800), "max_tokens": 1 << 14, "temperature": 1, "seed": 1, "ignore_eos": true}
	a, err := b.Stream(ctx, texts, body, func(a *served.Answer) error {
		if len(a.Pieces) == alone {
			long, begun = read(), time.Since(start)
		}
		select {
		case err := <-long:
			if err == nil {
				err = enough
			}
			return err
		default:
			return nil
		}
	})
	if err == nil {
		return errors.New("the stream ended before the long prompt was read")
	}
	if !errors.Is(err, enough) {
		return err
	}
	step, gap := gaps(a.Pieces, begun)
	all.add(stepAlone, "ms", step)
	all.add(gapBeside, "ms", gap)
	return nil
}

// gaps returns the median gap of what came before a time, and the largest gap that ended after it, in milliseconds.
func gaps(pieces []time.Duration, begun time.Duration) (median, largest float64) {
	var before []float64
	for i := 1; i < len(pieces); i++ {
		gap := milliseconds(pieces[i] - pieces[i-1])
		if pieces[i] < begun {
			before = append(before, gap)
		} else {
			largest = max(largest, gap)
		}
	}
	return rounds.Median(before), largest
}

// turns measures the second turn of a chat.
func (b *bench) turns(ctx context.Context, all *figures) error {
	for i, c := range []struct {
		thinks     bool
		name, read string
	}{{false, "second turn: first token", readLive}, {true, "second turn, thoughts dropped: first token", readDropped}} {
		text, _, err := b.ProseOf(ctx, uint64(b.round*1000+900+i), firstTurn)
		if err != nil {
			return err
		}
		question := b.prompt(910 + i)
		if !c.thinks {
			n, err := b.Tokens(ctx, question)
			if err != nil {
				return err
			}
			all.add(newTokens, "tokens", float64(n))
		}
		answer, err := b.chat(ctx, text, question, c.thinks)
		if err != nil {
			return err
		}
		all.add(c.name, "ms", milliseconds(answer.First()))
		all.add(c.read, "tokens", float64(answer.Timings.Prompt))
	}
	return nil
}

// chat asks two questions, with a pause in which a person would read, and returns the second answer. The thoughts of the first one, if any, are not sent back.
func (b *bench) chat(ctx context.Context, first, second string, thinks bool) (*served.Answer, error) {
	body := served.Body{"max_tokens": 48, "temperature": 0, "ignore_eos": true,
		"chat_template_kwargs": served.Body{"enable_thinking": thinks}, "think_budget": 16, "reasoning_budget_tokens": 16}
	messages := []served.Body{{"role": "user", "content": first}}
	a, err := b.Stream(ctx, chats, body.With(served.Body{"messages": messages}), nil)
	if err != nil {
		return a, err
	}
	time.Sleep(b.pause)
	messages = append(messages, served.Body{"role": "assistant", "content": a.Text}, served.Body{"role": "user", "content": second})
	return b.Stream(ctx, chats, body.With(served.Body{"messages": messages, "max_tokens": 4}), nil)
}

// conversations measures many chats of two turns on few slots.
func (b *bench) conversations(ctx context.Context, all *figures) error {
	const tokens, turns = 16, 2
	group, ctx := errgroup.WithContext(ctx)
	begin := time.Now()
	for i := range conversations {
		group.Go(func() error {
			var messages []served.Body
			for turn := range turns {
				messages = append(messages, served.Body{"role": "user", "content": b.prompt(100 + turns*i + turn)})
				a, err := b.Stream(ctx, chats, served.Body{"messages": messages, "max_tokens": tokens, "temperature": 0, "ignore_eos": true,
					"chat_template_kwargs": served.Body{"enable_thinking": false}}, nil)
				if err != nil {
					return err
				}
				messages = append(messages, served.Body{"role": "assistant", "content": a.Text})
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	all.add(fmt.Sprintf("%d conversations on %d slots", conversations, fewSlots), "tok/s", float64(conversations*turns*tokens)/time.Since(begin).Seconds())
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
