package sched

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/states"
)

// Options say how an Engine shares its machine. Zeros stand for the values in brackets.
type Options struct {
	Latency      time.Duration // how long a chunk of a prompt may take while others decode [200 ms]
	ReadShare    float64       // of the time, for reading while others decode [0.5]
	Quantum      int           // tokens that a text decodes before it leaves its slot to one that waits [256]
	Queue        int           // texts at once, whether they run or wait [512]
	StateMemory  int64         // bytes for states outside of the slots [1 GiB]
	WriteTimeout time.Duration // after which a text is cancelled whose Stream nobody reads [30 s]
	Workers      int           // goroutines that sample [GOMAXPROCS]
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
	if o.Alone {
		o.Tree = nil
	}
	return o
}

// Stats counts what an Engine does.
type Stats struct {
	Queued, Reading, Waiting, Decoding, Parked int   // texts now
	ReadTokens, DecodedTokens                  int64 // so far
	Steps, Swaps                               int64 // graphs that decoded, and states that left their slots for others
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
	service time.Duration // how long a text takes, an average
}

// New starts an Engine.
func New(m Machine, o Options) *Engine {
	e := &Engine{machine: m, facts: m.Facts(), o: o.withDefaults(), poked: make(chan struct{}, 1), done: make(chan struct{})}
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
	if err := e.check(r); err != nil {
		return nil, err
	}
	t := &text{Request: r, arrived: time.Now(), slot: Reader, keep: e.machine.Save}
	var keeper generate.Keeper
	if r.Keep || r.Cache != nil && r.Cache.Fill {
		keeper = t
	}
	if r.Cache != nil && e.o.Tree != nil {
		t.text = states.NewPrompt(r.Generate.Vocab, r.Prompt)
	}
	var err error
	if t.writer, err = generate.NewWriter(keeper, r.Generate); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, ErrClosed
	case e.texts >= e.o.Queue:
		return nil, &BusyError{max(time.Second, e.service)}
	}
	var cancel context.CancelFunc
	t.ctx, cancel = context.WithCancel(ctx)
	t.stream = &Stream{events: make(chan Event, fullStream+1), poke: e.poke}
	context.AfterFunc(t.ctx, e.poke)
	t.stream.cancel = cancel
	e.texts++
	e.arrived = append(e.arrived, t)
	e.poke()
	return t.stream, nil
}

// check refuses requests that the machine cannot compute.
func (e *Engine) check(r Request) error {
	switch {
	case len(r.Prompt) == 0:
		return errors.New("a request without a prompt")
	case r.Generate.Sampler == nil && !r.ReadOnly:
		return errors.New("a request without a sampler")
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
