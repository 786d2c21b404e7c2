package sched

import (
	"slices"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Cached says how a text uses the tree of states in Options.
type Cached struct {
	Space states.Namespace // of the tenant, and of what the text begins with
	Marks states.Marks     // places of the prompt's text that are worth a checkpoint
	Cut   bool             // the prompt's tokens are those that cutting its text gives
	Exact bool             // only states of the same tokens are taken, so that the text does not depend on what was read before
	Fill  bool             // the text leaves checkpoints
}

// known returns the part of a prompt that may be known. The hidden state after a token is not kept, so the last token must be read then.
func (r Request) known() *states.Prompt {
	tokens := r.Prompt
	if r.Outputs == rwkv.LastHidden {
		tokens = tokens[:len(tokens)-1]
	}
	return states.NewPrompt(r.Generate.Vocab, tokens)
}

// lookUp finds the state that the reading of a prompt can begin with.
func (l *loop) lookUp(t *text) {
	if t.text == nil {
		return
	}
	t.hit = &states.Hit{}
	if t.everyRow() == rwkv.NoLogits {
		need := states.Need{Exact: t.Cache.Exact, Logits: !t.ReadOnly || t.Outputs == rwkv.LastLogits}
		t.hit = l.o.Tree.Lookup(t.Cache.Space, t.text, need)
	}
	t.cut = t.Cache.Cut
	if t.hit.State != nil {
		t.read, t.cached, t.seen, t.cost = t.hit.Next, t.hit.Next, t.hit.State.Snapshot().Tokens, t.hit.Cost
		t.cut = t.cut && t.hit.Cut
	}
	if t.Cache.Fill {
		t.places = t.text.Plan(t.Cache.Marks, t.hit.Next, t.hit.Junction)
	}
}

// toPlace returns how many tokens of the prompt are left until the next checkpoint.
func (t *text) toPlace() int {
	if len(t.places) > 0 {
		return t.places[0] - t.read
	}
	return t.left()
}

// checkpoint keeps the state in the Reader, if this is a place for it. logits are those behind the prompt, or nil.
func (l *loop) checkpoint(t *text, logits []float32) {
	if len(t.places) == 0 || t.read != t.places[0] {
		return
	}
	t.places = t.places[1:]
	state, err := l.pool.New(func(into *engine.Snapshot) error {
		into.Tokens = t.seen
		return l.machine.Save(Reader, into)
	})
	if err != nil {
		return // the text itself will find the fault
	}
	defer state.Release()
	_ = l.o.Tree.Put(t.Cache.Space, t.text, t.read, states.Checkpoint{ // a full tree is no fault of the text
		State: state, Before: t.seen - int64(t.read), Cut: t.cut, Logits: slices.Clone(logits), Cost: t.cost,
	})
}

// shortAnswer is the number of tokens that are worth a state.
const shortAnswer = 16

// keepAnswer keeps the state behind an answer. It returns what is left to be done beside the loop, which takes time with long texts, or nil.
func (l *loop) keepAnswer(t *text, state *engine.Snapshot) (rest func()) {
	if state == nil {
		return nil
	}
	before := t.seen - int64(len(t.Prompt)+t.decoded)
	read := int(state.Tokens - before)
	if read < len(t.Prompt)+shortAnswer || read > len(t.Prompt)+len(t.out) {
		return nil
	}
	kept, err := l.pool.New(func(into *engine.Snapshot) error {
		into.Tokens = state.Tokens
		copyState(into, *state)
		return nil
	})
	if err != nil {
		return nil
	}
	tokens := slices.Concat(t.Prompt, t.out[:read-len(t.Prompt)])
	vocab, space, tree, c := t.Generate.Vocab, t.Cache.Space, l.o.Tree, states.Checkpoint{State: kept, Before: before, Cut: t.cut, Cost: t.cost}
	return func() {
		defer kept.Release()
		c.Cut = c.Cut && isCut(vocab, tokens)
		_ = tree.Put(space, states.NewPrompt(vocab, tokens), len(tokens), c)
	}
}

// copyState copies the numbers of a state to the memory of another one.
func copyState(into *engine.Snapshot, from engine.Snapshot) {
	if len(into.State) != len(from.State) {
		into.State = make([][]float32, len(from.State))
	}
	for i, x := range from.State {
		into.State[i] = append(into.State[i][:0], x...)
	}
}

// isCut reports whether cutting the text of tokens gives these tokens.
func isCut(vocab tokenizer.Tokenizer, tokens []tokenizer.Token) bool {
	if vocab == nil {
		return true // the tree compares tokens
	}
	lead := 0 // tokens in front that stand for no text
	var data []byte
	for i, t := range tokens {
		piece, ok := vocab.Bytes(t)
		if lead == i && len(piece) == 0 {
			lead++
		}
		if !ok {
			return false
		}
		data = append(data, piece...)
	}
	cut, err := vocab.Encode(data)
	return err == nil && slices.Equal(cut, tokens[lead:])
}

// spent puts computing time on the accounts of the tenant and of the text's checkpoints.
func (t *text) spent(d time.Duration) {
	t.charge(d)
	t.cost += d
}
