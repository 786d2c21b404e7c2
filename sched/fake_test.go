package sched

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// fake is a machine whose state is a number made of all tokens read, and whose logits are made of the state. Computing takes the given
// times.
type fake struct {
	slots                   []uint32 // the Reader is the last
	perRead, perStep, perer time.Duration
	before                  func(call string) error    // of each call
	spoil                   func(rows []float32) error // of each step
	concurrent              bool
	states                  int                     // that it got memory for
	longest                 [rwkv.AllHidden + 1]int // chunk with each kind of rows
}

// vocab is the vocabulary of fakes: the first rows of tokenizer.ABC.
const vocab = 128

// hidden is how many numbers their hidden states have.
const hidden = 2

func newFake(slots int) *fake {
	f := &fake{slots: make([]uint32, slots+1)}
	for i := range f.slots {
		f.slots[i] = 0xdead0000 + uint32(i)
	}
	return f
}

func (f *fake) at(slot int) *uint32 {
	if slot == Reader {
		slot = len(f.slots) - 1
	}
	return &f.slots[slot]
}

func (f *fake) Facts() Facts {
	return Facts{Slots: len(f.slots) - 1, Vocab: vocab, StateBytes: 8, Exact: true}
}

// called is called first in all methods.
func (f *fake) called(call string) error {
	if f.before == nil {
		return nil
	}
	return f.before(call)
}

func (f *fake) Begin(*engine.Beginning) error {
	if err := f.called("Begin"); err != nil {
		return err
	}
	*f.at(Reader) = 1
	return nil
}

func (f *fake) Load(slot int, from engine.Snapshot) error {
	if err := f.called("Load"); err != nil {
		return err
	}
	*f.at(slot) = uint32(from.State[0][0])<<16 | uint32(from.State[0][1])
	return nil
}

func (f *fake) Save(slot int, into *engine.Snapshot) error {
	if err := f.called("Save"); err != nil {
		return err
	}
	if into.State == nil {
		f.states++
		into.State = [][]float32{make([]float32, 2)}
	}
	s := *f.at(slot)
	into.State[0][0], into.State[0][1] = float32(s>>16), float32(s&0xffff)
	return nil
}

func (f *fake) Move(from, to int) error {
	if err := f.called("Move"); err != nil {
		return err
	}
	*f.at(to) = *f.at(from)
	*f.at(from) = 0xdead // nothing may use it any more
	return nil
}

func (f *fake) compute(d time.Duration) {
	if f.concurrent {
		panic("two computations at once")
	}
	f.concurrent = true
	time.Sleep(d)
	f.concurrent = false
}

func (f *fake) Read(ctx context.Context, tokens []tokenizer.Token, outputs rwkv.Outputs) ([]float32, error) {
	if err := f.called("Read"); err != nil {
		return nil, err
	}
	f.longest[outputs] = max(f.longest[outputs], len(tokens))
	f.compute(time.Duration(len(tokens)) * f.perRead)
	var rows []float32
	s := f.at(Reader)
	*s, rows = rowsOf(*s, tokens, outputs)
	return rows, nil
}

// rowsOf returns the state after tokens, and the rows that outputs asks for.
func rowsOf(state uint32, tokens []tokenizer.Token, outputs rwkv.Outputs) (uint32, []float32) {
	var rows []float32
	for i, t := range tokens {
		state = follow(state, t)
		switch {
		case outputs == rwkv.NoLogits || outputs.Last() && i < len(tokens)-1:
		case outputs.Hidden():
			rows = append(rows, float32(state>>16), float32(state&0xffff))
		default:
			rows = append(rows, logitsOf(state)...)
		}
	}
	return state, rows
}

func (f *fake) Decode(ctx context.Context, tokens []tokenizer.Token) ([]float32, error) {
	if err := f.called("Decode"); err != nil {
		return nil, err
	}
	if len(tokens) >= len(f.slots) {
		return nil, errors.New("more texts than slots")
	}
	f.compute(f.perStep + time.Duration(len(tokens))*f.perer)
	var rows []float32
	for i, t := range tokens {
		f.slots[i] = follow(f.slots[i], t)
		rows = append(rows, logitsOf(f.slots[i])...)
	}
	for i := len(tokens); i < len(f.slots)-1; i++ {
		f.slots[i] = 0xdead // slots that are not in use may hold anything
	}
	if f.spoil != nil {
		return rows, f.spoil(rows)
	}
	return rows, nil
}

// follow is the state after tokens.
func follow(state uint32, tokens ...tokenizer.Token) uint32 {
	for _, t := range tokens {
		state = (state ^ uint32(t)) * 16777619
		state ^= state >> 15
	}
	return state
}

// logitsOf makes a few tokens likely: letters, the end of a line, and sometimes the end of the text.
func logitsOf(state uint32) []float32 {
	x := make([]float32, vocab)
	for i := range x {
		x[i] = -20
	}
	rng := rand.New(rand.NewPCG(uint64(state), 7))
	for range 4 {
		x['a'+rng.IntN(4)] = float32(rng.NormFloat64())
	}
	if rng.IntN(40) == 0 {
		x[3] = 5 // the end of a text
	}
	return x
}

// alone is a session of a fake.
type alone struct {
	state  uint32
	logits []float32
}

func (s *alone) Prefill(_ context.Context, tokens []tokenizer.Token) ([]float32, error) {
	s.state = follow(s.state, tokens...)
	s.logits = logitsOf(s.state)
	return s.logits, nil
}

func (s *alone) Snapshot() (engine.Snapshot, error) {
	f := &fake{slots: []uint32{s.state}}
	var snap engine.Snapshot
	return snap, f.Save(0, &snap)
}

func (s *alone) Restore(snap engine.Snapshot) error {
	f := &fake{slots: []uint32{0}}
	err := f.Load(0, snap)
	s.state = f.slots[0]
	return err
}

// options returns what a text is generated with.
func options(seed uint64, limit int) generate.Options {
	s, err := sampler.New(sampler.Options{Temperature: 0.9, TopP: 1, Seed: seed})
	if err != nil {
		panic(err)
	}
	return generate.Options{Vocab: tokenizer.ABC(), Sampler: s, Limit: limit, Stop: []string{"abc", "dd\n", "cab"}}
}

// result is a text, how likely it was, how it ended, and the state behind it with what is unread.
type result struct {
	text   string
	likely float64
	reason generate.Reason
	state  uint32
}

func (r result) String() string {
	return fmt.Sprintf("%q, %v, %s, %x", r.text, r.likely, r.reason, r.state)
}

// weigh makes a number of how likely a token was. Other numbers would make another one.
func weigh(p *sampler.Probabilities) (x float64) {
	if p == nil {
		return 0
	}
	x = 1 - p.Log
	for i, l := range p.Top {
		x += float64(i+1) * (float64(l.Token) - l.Log)
	}
	return x
}

// after is the state behind unread text.
func after(state uint32, unread []byte) uint32 {
	tokens, err := tokenizer.ABC().Encode(unread)
	if err != nil {
		panic(err)
	}
	return follow(state, tokens...)
}

// expected computes a request alone.
func expected(prompt []tokenizer.Token, o generate.Options) result {
	return likely(prompt, o, nil)
}

// likely computes a request alone, with probabilities.
func likely(prompt []tokenizer.Token, o generate.Options, ask *Probabilities) (r result) {
	s := &alone{state: 1}
	for piece, err := range generate.Text(context.Background(), s, prompt, o) {
		if err != nil {
			panic(err)
		}
		r.text += piece.Text
		if ask != nil && piece.Reason != generate.EndOfText {
			p := o.Sampler.Probabilities(s.logits, piece.Token, ask.Top)
			if ask.Sampled {
				p = o.Sampler.Sampled(ask.Top)
			}
			r.likely += weigh(&p)
		}
		if r.reason = piece.Reason; r.reason != "" {
			r.state = after(s.state, piece.Unread)
		}
	}
	return r
}
