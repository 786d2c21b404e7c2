package sched

import (
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// seat gives slots to texts that wait. If all slots are taken, those whose turn is over leave theirs.
func (l *loop) seat() {
	for t := l.first(waiting); t != nil; t = l.first(waiting) {
		if len(l.decoding) == l.facts.Slots && !l.swapOut(t) {
			return
		}
		slot := len(l.decoding)
		if err := l.machine.Load(slot, t.away()); err != nil {
			l.fail(t, err)
			continue
		}
		l.recycle(t)
		l.sit(t, slot)
	}
}

// sit notes that a text decodes in the slot after those in use, which holds its state.
func (l *loop) sit(t *text, slot int) {
	t.to(decoding)
	t.slot, t.turn = slot, 0
	l.decoding = append(l.decoding, t)
}

// swapOut takes a text whose turn is over out of its slot, unless its tenant has used less than that of the text that waits. It reports
// whether there was one.
func (l *loop) swapOut(waits *text) bool {
	var out *text
	for _, t := range l.decoding {
		if t.turn >= l.o.Quantum && t.tenant.used >= waits.tenant.used && (out == nil || out.before(t)) {
			out = t
		}
	}
	if out == nil || !l.rise(out) {
		return false
	}
	out.to(waiting)
	l.queue(out)
	l.mu.Lock()
	l.stats.Swaps++
	l.mu.Unlock()
	return true
}

// rise takes a text out of its slot and keeps its state. It reports whether that was possible. Otherwise the text has failed.
func (l *loop) rise(t *text) bool {
	t.state = l.snapshot()
	if err := l.machine.Save(t.slot, &t.state); err != nil {
		l.fail(t, err)
		return false
	}
	l.leave(t)
	return true
}

// leave gives up the slot of a text. The state of the last slot takes its place.
func (l *loop) leave(t *text) {
	n := len(l.decoding) - 1
	if t.slot != n {
		if err := l.machine.Move(n, t.slot); err != nil {
			defer l.fail(l.decoding[n], err)
		}
		l.decoding[t.slot] = l.decoding[n]
		l.decoding[t.slot].slot = t.slot
	}
	l.decoding = l.decoding[:n]
	t.slot = Reader
}

// snapshot returns memory for a state.
func (l *loop) snapshot() engine.Snapshot {
	if n := len(l.spare); n > 0 {
		s := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return s
	}
	return engine.Snapshot{}
}

// away returns the state of a text while it is outside of the slots.
func (t *text) away() engine.Snapshot {
	if t.forked {
		return t.group.state
	}
	return t.state
}

// recycle gives the memory of a text's state to the next ones.
func (l *loop) recycle(t *text) {
	if t.state.State != nil {
		l.spare = append(l.spare, t.state)
		t.state = engine.Snapshot{}
	}
	if t.forked {
		t.forked = false
		t.group.forks--
		l.tidy(t.group)
	}
}

// sampled is the event of a sampled token, or why there is none.
type sampled struct {
	Event
	err error
}

// sample samples the next token of each of the texts, whose states have just read something. row returns the logits of a text.
func (l *loop) sample(texts []*text, row func(int) []float32) []sampled {
	all := make([]sampled, len(texts))
	var workers errgroup.Group
	workers.SetLimit(l.o.Workers)
	for i, t := range texts {
		workers.Go(func() error {
			all[i] = t.sample(row(i))
			return nil // an error is of this text alone
		})
	}
	_ = workers.Wait()
	return all
}

// sample samples the next token.
func (t *text) sample(logits []float32) (s sampled) {
	s.err = protect(func() (err error) {
		t.writer.AfterRead()
		s.Event, err = t.take(logits)
		return err
	})
	return s
}

// take samples the next token and returns its event.
func (t *text) take(logits []float32) (e Event, err error) {
	if t.next, err = t.Generate.Sampler.Sample(logits); err != nil {
		return e, err
	}
	if e.Piece, err = t.writer.Take(t.next); e.Reason == generate.EndOfText {
		return e, err
	}
	t.out = append(t.out, t.next)
	if ask := t.Probabilities; ask != nil {
		var p sampler.Probabilities
		if ask.Sampled {
			p = t.Generate.Sampler.Sampled(ask.Top)
		} else {
			p = t.Generate.Sampler.Probabilities(logits, t.next, ask.Top)
		}
		e.Probabilities = &p
	}
	return e, err
}

// emit hands out what was sampled. It ends the text if the piece is the last one or there is none, and reports whether the text goes on.
func (l *loop) emit(t *text, s sampled) bool {
	switch {
	case s.err != nil:
		l.fail(t, s.err)
	case s.Reason != "":
		l.finish(t, s.Event, nil)
	default:
		t.stream.events <- s.Event // there is room: see decode
		return true
	}
	return false
}

// decode takes all texts in slots one token further.
func (l *loop) decode() {
	texts := slices.Clone(l.decoding)
	tokens := make([]tokenizer.Token, len(texts))
	for i, t := range texts {
		tokens[i] = t.next
		if err := t.writer.BeforeRead(); err != nil {
			l.failAll(texts, err)
			return
		}
	}
	started := time.Now()
	rows, err := l.machine.Decode(l.ctx, tokens)
	if err != nil {
		l.failAll(texts, err)
		return
	}
	for _, t := range texts {
		t.seen++
		t.decoded++
		t.turn++
	}
	pieces := l.sample(texts, func(i int) []float32 { return rows[i*l.facts.Vocab:][:l.facts.Vocab] })
	took := time.Since(started)
	l.tookToDecode(took)
	l.mu.Lock()
	l.stats.Decoded.add(len(texts), took)
	l.mu.Unlock()
	for i, t := range texts {
		t.spent(took / time.Duration(len(texts)))
		if t.phase == decoding && l.emit(t, pieces[i]) && len(t.stream.events) >= fullStream {
			l.park(t)
		}
	}
}

// park takes a text whose Stream is full out of its slot.
func (l *loop) park(t *text) {
	if l.rise(t) {
		t.to(parked)
		t.block = time.Now()
		t.stream.parked.Store(true)
	}
}
