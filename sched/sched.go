package sched

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/states"
)

// Options say how an Engine shares its machine. Zeros stand for the values in brackets.
type Options struct {
	Latency      time.Duration // how long a chunk of a prompt may take, and so how long others wait for it [200 ms]
	ReadShare    float64       // of the time, for reading while others decode [0.5]
	Quantum      int           // tokens that a text decodes before it leaves its slot to one that waits [256]
	Queue        int           // texts at once, whether they run or wait [512]
	StateMemory  int64         // bytes for states outside of the slots [1 GiB]
	WriteTimeout time.Duration // after which a text is cancelled whose Stream nobody reads [30 s]
	Workers      int           // goroutines that sample [GOMAXPROCS]
	Log          *slog.Logger  // of panics [none]
	WarmUp       bool          // compute a little at first, so that weights are in memory and the times of chunks are known
	Tree         *states.Tree  // where texts find states to begin with, and leave theirs [none]

	// Alone computes one text after the other in chunks that depend on its prompt only. So results do not depend on other texts, even
	// if the machine is not exact. The Tree is not used.
	Alone bool
}

func (o Options) withDefaults() Options {
	o.Latency = cmp.Or(o.Latency, 200*time.Millisecond)
	o.ReadShare = cmp.Or(o.ReadShare, 0.5)
	o.Quantum = cmp.Or(o.Quantum, 256)
	o.Queue = cmp.Or(o.Queue, 512)
	o.StateMemory = cmp.Or(o.StateMemory, 1<<30)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 30*time.Second)
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Alone {
		o.Tree = nil
	}
	return o
}

// Stats counts what an Engine does.
type Stats struct {
	Queued, Reading, Waiting, Decoding, Parked int   // texts now. Those that decode have slots
	Read, Decoded                              Work  // so far
	Swaps                                      int64 // states that left their slots for others
}

// Work is what was computed.
type Work struct {
	Steps, Tokens int64         // chunks of prompts, or graphs that took several texts one token further, and the tokens of them
	Time          time.Duration // with sampling, and with Request.Rows
}

func (w *Work) add(tokens int, d time.Duration) {
	w.Steps++
	w.Tokens += int64(tokens)
	w.Time += d
}

// Slot is what a slot does.
type Slot struct {
	Busy bool
	// Of its text.
	Prompt    int // tokens
	Read      int // tokens of the prompt that were read
	Cached    int // of these, the tokens that need not be read because a state was found
	Generated int // tokens
	Limit     int // the most tokens to generate; 0 is no limit
}

// Engine computes texts on a machine. Goroutines may share it. The caller closes it before the machine.
type Engine struct {
	machine Machine
	facts   Facts
	o       Options
	stop    context.CancelFunc
	ctx     context.Context // ends when the Engine is closed
	poked   chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	arrived []*text
	texts   int // that are not finished
	closed  bool
	stats   Stats
	slots   []Slot
	service time.Duration // how long a text takes, an average
}

// New starts an Engine.
func New(m Machine, o Options) *Engine {
	e := &Engine{machine: m, facts: m.Facts(), o: o.withDefaults(), poked: make(chan struct{}, 1), done: make(chan struct{})}
	e.slots = make([]Slot, e.facts.Slots)
	e.ctx, e.stop = context.WithCancel(context.Background())
	go e.loop()
	return e
}

// poke wakes the loop.
func (e *Engine) poke() {
	select {
	case e.poked <- struct{}{}:
	default:
	}
}

// Submit begins a text. It is cancelled when ctx ends or the Stream is closed. If too many texts are there, the error is a *BusyError. After
// Drain or Close it is ErrClosed.
func (e *Engine) Submit(ctx context.Context, r Request) (*Stream, error) {
	streams, err := e.SubmitAll(ctx, r)
	if err != nil {
		return nil, err
	}
	return streams[0], nil
}

// SubmitAll begins several texts with the same prompt: that of r, and one for each further sampler. The prompt is read once, and each text goes
// on from a copy of the state. The texts are like those of Submit in everything else: each is cancelled by closing its own Stream. If SubmitAll
// returns an error, it has begun none of them.
func (e *Engine) SubmitAll(ctx context.Context, r Request, more ...*sampler.Sampler) ([]*Stream, error) {
	samplers := append([]*sampler.Sampler{r.Generate.Sampler}, more...)
	if err := e.check(r, samplers); err != nil {
		return nil, err
	}
	var known *states.Prompt
	if r.Cache != nil && e.o.Tree != nil {
		known = r.known()
	}
	g := &group{}
	for _, s := range samplers {
		t := &text{Request: r, group: g, arrived: time.Now(), slot: Reader, text: known, keep: e.machine.Save}
		if t.Generate.Sampler = s; len(g.texts) > 0 {
			t.phase = following
		}
		var keeper generate.Keeper
		if r.Keep || r.Cache != nil && r.Cache.Fill {
			keeper = t
		}
		var err error
		if t.writer, err = generate.NewWriter(keeper, t.Generate); err != nil {
			return nil, err
		}
		g.texts = append(g.texts, t)
	}
	return e.arrive(ctx, g.texts)
}

// arrive hands texts to the loop.
func (e *Engine) arrive(ctx context.Context, texts []*text) ([]*Stream, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, ErrClosed
	case e.texts+len(texts) > e.o.Queue:
		return nil, &BusyError{max(time.Second, e.service)}
	}
	var streams []*Stream
	for _, t := range texts {
		t.stream = &Stream{events: make(chan Event, fullStream+1), poke: e.poke}
		t.ctx, t.stream.cancel = context.WithCancel(ctx)
		context.AfterFunc(t.ctx, e.poke)
		streams = append(streams, t.stream)
	}
	e.texts += len(texts)
	e.arrived = append(e.arrived, texts...)
	e.poke()
	return streams, nil
}

// check refuses requests that the machine cannot compute.
func (e *Engine) check(r Request, samplers []*sampler.Sampler) error {
	switch {
	case len(r.Prompt) == 0:
		return errors.New("a request without a prompt")
	case r.ReadOnly && len(samplers) > 1:
		return errors.New("several texts of a request that only reads its prompt")
	case len(samplers) > e.o.Queue:
		return fmt.Errorf("%d texts at once, at most %d are possible", len(samplers), e.o.Queue)
	}
	if err := r.checkRows(); err != nil {
		return err
	}
	if p := r.Probabilities; p != nil && p.Top < 0 {
		return fmt.Errorf("%d likeliest tokens: the number cannot be negative", p.Top)
	}
	for i, s := range samplers {
		if s == nil && !r.ReadOnly {
			return errors.New("a request without a sampler")
		}
		if slices.Contains(samplers[:i], s) {
			return errors.New("two texts with one sampler: each needs its own")
		}
	}
	for i, t := range r.Prompt {
		if t < 0 || int(t) >= e.facts.Vocab {
			return fmt.Errorf("token %d at position %d of the prompt: the model knows 0 to %d", t, i, e.facts.Vocab-1)
		}
	}
	return nil
}

// Stats returns the present counts.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats
}

// Slots tells what each slot for decoding does. A text whose prompt is read is shown in the slot that it will have, if one is free.
func (e *Engine) Slots() []Slot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.slots)
}

// Drain refuses new texts and waits until all others have ended. If ctx ends first, it cancels them and returns ctx's error.
func (e *Engine) Drain(ctx context.Context) error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.poke()
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		e.stop()
		e.poke()
		<-e.done
		return ctx.Err()
	}
}

// Close cancels all texts and waits for their end. It is safe to call it twice.
func (e *Engine) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = e.Drain(ctx)
	e.stop()
}
