package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Options say how a Model serves. Zeros stand for the values in brackets.
type Options struct {
	Name      string           // what clients call the model [that of its file]
	Slots     int              // texts that decode side by side [8]
	Schedule  sched.Options    // how the texts share the machine; Tree is set by New
	Cache     int64            // bytes for states of texts that were read before [none are kept]
	Names     *states.Names    // states with names; Close closes them [in memory, 64 of a tenant and 1 GiB of all]
	Format    chat.Format      // of conversations; without a name, the model's own template is used
	Sampling  *sampler.Options // where a request does not say otherwise [those of the template]
	IgnoreEnd bool             // requests that do not say otherwise never end before their limit
	Seed      *uint64          // of requests without one [a random one for each]
	Context   int              // the most tokens that a prompt and its answer may have together [no limit]
	Limit     int              // the most tokens of an answer if a request does not say [no limit]
	Timeout   time.Duration    // after which a text ends with what it has [none]
	Log       *slog.Logger     // nil drops messages
}

// maxClosings is the most turns that wait to be read when there is nothing else to do. They take places of the queue.
const maxClosings = 16

// defaultSlots is the number of slots that a CPU can make use of.
const defaultSlots = 8

// Model is a model that serves. Goroutines may share it. The caller closes it before the lm.Model.
type Model struct {
	*lm.Model
	o           Options
	vocab       tokenizer.Tokenizer // nil if the model has none
	machine     *sched.Slots
	engine      *sched.Engine
	tree        *states.Tree
	names       *states.Names
	secret      states.Secret
	began       time.Time
	fingerprint func() string

	closings   chan struct{}   // holds one for each turn that is to be read when there is nothing else to do
	ctx        context.Context // ends with Close; what goes on behind an answer belongs to it
	stop       context.CancelFunc
	background sync.WaitGroup
	mu         sync.Mutex
	closed     bool
}

// New begins to serve a model.
func New(m *lm.Model, o Options) (*Model, error) {
	vocab, err := m.Tokenizer()
	if err != nil {
		return nil, err
	}
	if o.Format.Name == "" {
		o.Format.Template = m.Template()
	}
	if o.Sampling == nil {
		own := m.Sampling(o.Format.Sampling)
		o.Sampling = &own
	}
	o.Slots = cmp.Or(o.Slots, defaultSlots)
	if o.Schedule.Alone {
		o.Slots = 1
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Name == "" {
		o.Name = ownName(m)
	}
	s := &Model{Model: m, o: o, vocab: vocab, names: o.Names, secret: states.NewSecret(), began: time.Now(), closings: make(chan struct{}, maxClosings)}
	s.fingerprint = sync.OnceValue(s.findFingerprint)
	if s.names == nil {
		s.names, err = states.OpenNames(states.NamesOptions{Model: o.Name, Layout: m.Layout(), Each: states.Limit{States: 64}, All: states.Limit{Bytes: 1 << 30}, Log: o.Log})
		if err != nil {
			return nil, err
		}
	}
	if o.Cache > 0 {
		s.tree = states.NewTree(o.Cache)
		s.o.Schedule.Tree = s.tree
	}
	s.o.Schedule.Log, s.o.Schedule.WarmUp = o.Log, true
	if s.machine, err = sched.NewSlots(m.Model, o.Slots); err != nil {
		return nil, errors.Join(err, s.names.Close())
	}
	s.engine = sched.New(s.machine, s.o.Schedule)
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// ownName returns a model's name as its file tells it, or else the name of the file.
func ownName(m *lm.Model) string {
	path := m.File().Path()
	base := path[strings.LastIndexAny(path, `/\`)+1:]
	return strings.TrimSuffix(base, ".gguf")
}

// Name returns what clients call the model.
func (m *Model) Name() string { return m.o.Name }

// Began returns when the model began to serve.
func (m *Model) Began() time.Time { return m.began }

// Format returns how conversations are held if a request does not say otherwise.
func (m *Model) Format() chat.Format { return m.o.Format }

// DefaultSampling returns how tokens are chosen if a request does not say otherwise.
func (m *Model) DefaultSampling() sampler.Options { return *m.o.Sampling }

// Seed returns the seed for a request without one.
func (m *Model) Seed() uint64 {
	if m.o.Seed != nil {
		return *m.o.Seed
	}
	return rand.Uint64N(1 << 53)
}

// Slots returns how many texts decode side by side.
func (m *Model) Slots() int { return m.o.Slots }

// IgnoresEnd reports whether texts go on until their limit if a request does not say.
func (m *Model) IgnoresEnd() bool { return m.o.IgnoreEnd }

// Context returns the maximum number of tokens of a prompt together with its answer. 0 means no limit.
func (m *Model) Context() int { return m.o.Context }

// Names returns the states that have names.
func (m *Model) Names() *states.Names { return m.names }

// Stats returns what the machine does.
func (m *Model) Stats() sched.Stats { return m.engine.Stats() }

// InSlots returns what each slot does.
func (m *Model) InSlots() []sched.Slot { return m.engine.Slots() }

// CacheStats returns what the cache of states holds, and false if there is none.
func (m *Model) CacheStats() (states.Stats, bool) {
	if m.tree == nil {
		return states.Stats{}, false
	}
	return m.tree.Stats(), true
}

// later runs what goes on behind an answer. If the model is being closed, the work's context has ended.
func (m *Model) later(work func(ctx context.Context)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		ctx, cancel := context.WithCancel(m.ctx)
		cancel()
		work(ctx)
		return
	}
	m.background.Go(func() { work(m.ctx) })
}

// Settle waits until what goes on behind answers is done: the reading of turns as the next prompt will have them.
func (m *Model) Settle(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		m.background.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close cancels all texts and frees what New made.
func (m *Model) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.stop()
	m.engine.Close()
	m.background.Wait()
	m.machine.Close()
	if err := m.names.Close(); err != nil {
		m.o.Log.Error("states", "error", err)
	}
}

// Errors of requests.
var (
	// ErrNotExact reports that a request may not depend on what else is computed, and that the model cannot promise it.
	ErrNotExact = errors.New("this model's results depend on what else is computed: serve it with one text at a time")
	// ErrManyStates reports that a request keeps the state behind a text and asks for several texts.
	ErrManyStates = errors.New("the state behind a text is kept for one choice only")
)

// ContextError tells that a prompt has more tokens than fit.
type ContextError struct {
	Prompt, Context int
}

func (e *ContextError) Error() string {
	return fmt.Sprintf("a prompt of %d tokens is too large: with an answer it exceeds the available context size of %d tokens", e.Prompt, e.Context)
}

// NameError is what is wrong with the name that a request gives to a state.
type NameError struct {
	Err error
}

func (e *NameError) Error() string { return e.Err.Error() }

// Unwrap returns the error of package states.
func (e *NameError) Unwrap() error { return e.Err }

// StateError is what is wrong with the state that a request begins with, or why a state cannot be kept.
type StateError struct {
	Err error
}

func (e *StateError) Error() string { return e.Err.Error() }

// Unwrap returns the error of package states.
func (e *StateError) Unwrap() error { return e.Err }

// PromptError is what is wrong with a prompt.
type PromptError struct {
	Err error
}

func (e *PromptError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PromptError) Unwrap() error { return e.Err }
