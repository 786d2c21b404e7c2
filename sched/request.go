package sched

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Request is a text to compute.
type Request struct {
	Tenant string  // on whose account the time goes
	Weight float64 // the share of the tenant beside others'; 0 is 1

	Prompt []tokenizer.Token // at least one
	Begin  *engine.Beginning // where the prompt begins; nil is the model's own beginning
	From   *engine.Snapshot  // what the prompt goes on from instead of Begin; nil is none. It must stay as it is until the text ends

	Generate generate.Options // its Sampler belongs to the text

	Probabilities *Probabilities // nil asks for none

	// Rows gets what the model computes after the tokens of the prompt: logits [vocabulary, n] or hidden states [channels, n], as Outputs says.
	// first is the index of the token that the first row comes after. The prompt is read in chunks, and Rows is called after each, before
	// anybody's next token. So it must be quick. It must not keep or change rows. Its error ends the text. Hidden states need a request that is ReadOnly.
	// Rows after all tokens cannot be found in the tree of states, so the whole prompt is read. Texts of one SubmitAll share the calls.
	Rows    func(first int, rows []float32) error
	Outputs rwkv.Outputs // rwkv.NoLogits without Rows

	// ReadOnly ends the text after its prompt, with the reason Read. Background lets it wait until there is nothing else to do.
	ReadOnly, Background bool

	Cache   *Cached       // nil is none
	Timeout time.Duration // after which the text ends with the reason generate.Limit; 0 is none
	Keep    bool          // the End has the state after the text
}

// Read is the reason for which a text ends that is ReadOnly.
const Read generate.Reason = "prompt read"

// Probabilities ask how likely each token of a text was.
type Probabilities struct {
	Top     int  // the number of likeliest tokens to tell besides
	Sampled bool // in the distribution that the token was drawn from, rather than in the model's own. See package sampler
}

// Event is what a Stream gives.
type Event struct {
	Read   int // tokens of the prompt that were read so far; 0 in other events
	Cached int // of these, the tokens that need not be read because a state was found
	generate.Piece
	Probabilities *sampler.Probabilities // of the Piece's token, if it has one and the request asked for them
	End           *End                   // in the last event only
}

// End is how a text ended.
type End struct {
	Err    error            // nil if the Piece has a Reason
	State  *engine.Snapshot // if the request said Keep, and Err is nil or the text was cancelled. What is Unread is not in it
	Prompt int              // tokens of the prompt that were read
	Cached int              // of these, the tokens that need not be read because a state was found
	Tokens int              // tokens that were sampled

	Waited, Read, Decoded time.Duration // until the prompt began to be read, until its end, and until the text's end
}

// BusyError is the error of Submit when too many texts are there already.
type BusyError struct {
	Wait time.Duration // after which there may be room, by an estimate
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("the model is busy: try again in %v", e.Wait.Round(time.Second))
}

// ErrClosed is the error of Submit after Drain or Close.
var ErrClosed = errors.New("the model is being closed")

// Stream gives the events of a text. It belongs to one goroutine at a time.
type Stream struct {
	events chan Event
	cancel context.CancelFunc
	parked atomic.Bool
	poke   func()
}

// A text is parked when fullStream events are in its Stream, and goes on when at most half of them are left.
const fullStream = 64

// Next waits for the next event. It returns false after the last one.
func (s *Stream) Next() (Event, bool) {
	e, ok := <-s.events
	if s.parked.Load() && len(s.events) <= fullStream/2 {
		s.poke()
	}
	return e, ok
}

// Close cancels the text if it has not ended. It is safe to call it twice, and beside Next.
func (s *Stream) Close() { s.cancel() }

// text is a Request on its way. The loop owns it.
type text struct {
	Request
	ctx    context.Context
	stream *Stream
	tenant *tenant
	group  *group
	writer *generate.Writer
	phase  phase
	line   uint64 // the order of those that wait; smaller ones came first

	progress
	next   tokenizer.Token // sampled, and not read yet
	state  engine.Snapshot // while it is outside of the slots
	forked bool            // the state is that of the group instead
	slot   int             // while it is in one
	turn   int             // tokens decoded since it got its slot
	final  *engine.Snapshot

	text    *states.Prompt // nil if no tree is used
	hit     *states.Hit    // what the reading began with
	places  []int          // of checkpoints to come, in tokens of the prompt
	out     []tokenizer.Token
	decoded int // tokens behind the prompt that the state has read

	keep           func(slot int, into *engine.Snapshot) error // Machine.Save
	arrived, block time.Time                                   // block is when it was parked
}

// progress is what is known about the state of a text. The texts of a group have it in common until their prompt is read.
type progress struct {
	read          int           // tokens of the prompt that were read
	cached        int           // of these, the tokens that need not be read because a state was found
	seen          int64         // tokens that the state has read
	cut           bool          // the state has read what cutting the text gives
	cost          time.Duration // to compute the state
	begun, prompt time.Time     // when the prompt began to be read, and when it was read
}

// Snapshot implements generate.Keeper.
func (t *text) Snapshot() (engine.Snapshot, error) {
	s := engine.Snapshot{Tokens: t.seen}
	return s, t.keep(t.slot, &s)
}

// Restore implements generate.Keeper. The text ends then.
func (t *text) Restore(s engine.Snapshot) error {
	t.final = &s
	return nil
}

// tenant is on whose account texts are computed.
type tenant struct {
	used  float64 // seconds of computing, divided by weights
	texts int     // that are not finished
}

// before reports whether t comes before other among those that wait.
func (t *text) before(other *text) bool {
	if t.tenant.used != other.tenant.used {
		return t.tenant.used < other.tenant.used
	}
	return t.line < other.line
}

// charge puts computing time on the tenant's account.
func (t *text) charge(d time.Duration) {
	weight := t.Weight
	if weight <= 0 {
		weight = 1
	}
	t.tenant.used += d.Seconds() / weight
}
