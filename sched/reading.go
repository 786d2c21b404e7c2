package sched

import (
	"time"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// nextToRead returns the text whose prompt is read next, or nil. At most two prompts are read in turns: that of the first text, and the one
// with the least left to read.
func (l *loop) nextToRead() *text {
	var readers []*text
	for _, t := range l.texts {
		if t.phase == reading && l.mayRun(t) {
			readers = append(readers, t)
		}
	}
	if len(readers) < 2 {
		next := l.first(queued)
		if len(readers) == 1 {
			next = l.shortest(readers[0].left())
		}
		if next != nil && l.mayAdmit(next.states()) {
			next.to(reading)
			next.begun = time.Now()
			l.lookUp(next)
			readers = append(readers, next)
		}
	}
	switch {
	case len(readers) == 0:
		return nil
	case len(readers) == 2 && readers[0] == l.last:
		return readers[1]
	}
	return readers[0]
}

// mayAdmit reports whether there is memory for n more states. Besides the slots, there is always memory for one.
func (l *loop) mayAdmit(n int) bool {
	texts := l.count(reading, waiting, decoding, parked)
	if l.o.Alone {
		return texts == 0
	}
	outside := int64(texts + l.shared() + n - l.facts.Slots)
	return outside <= max(1, l.o.StateMemory/max(1, l.facts.StateBytes))
}

// shortest returns the text in the queue with the shortest prompt, if that is shorter than n. Otherwise it returns nil.
func (l *loop) shortest(n int) (found *text) {
	for _, t := range l.texts {
		if t.phase == queued && len(t.Prompt) < n && l.mayRun(t) {
			found, n = t, len(t.Prompt)
		}
	}
	return found
}

// left returns the number of tokens of the prompt that are not read.
func (t *text) left() int { return len(t.Prompt) - t.read }

// readChunk reads a chunk of a prompt. After the last one it samples the first token.
func (l *loop) readChunk(t *text) {
	l.last = t
	if err := l.focus(t); err != nil {
		l.fail(t, err)
		return
	}
	if t.left() == 0 {
		if err := t.tell(t.read, t.Outputs, t.hit.Logits); err != nil {
			l.fail(t, err)
			return
		}
		l.promptRead(t, t.hit.Logits)
		return
	}
	n := l.nextChunk(t)
	outputs := t.outputs(n)
	started := time.Now()
	rows, err := l.machine.Read(l.ctx, t.Prompt[t.read:t.read+n], outputs)
	if err == nil {
		err = t.tell(t.read+n, outputs, rows)
	}
	took := time.Since(started)
	l.tookToRead(t.everyRow(), n, took)
	t.spent(took)
	if err != nil {
		l.fail(t, err)
		return
	}
	t.read += n
	t.seen += int64(n)
	l.mu.Lock()
	l.stats.Read.add(n, took)
	l.mu.Unlock()
	for _, each := range t.group.texts {
		if len(each.stream.events) < fullStream/2 { // what is left is for pieces
			each.stream.events <- Event{Read: t.read, Cached: t.cached}
		}
	}
	var logits []float32
	if t.left() == 0 && outputs != rwkv.NoLogits && !outputs.Hidden() {
		logits = rows[len(rows)-l.facts.Vocab:]
	}
	l.checkpoint(t, logits)
	if t.left() == 0 {
		l.promptRead(t, logits)
	}
}

// mostLogits is the most tokens after which logits are computed at once, since each gives a row as long as the vocabulary.
const mostLogits = 64

// nextChunk returns how many of the next tokens of a prompt to read.
func (l *loop) nextChunk(t *text) int {
	left := t.toPlace()
	if t.everyRow() == rwkv.AllLogits {
		left = min(left, mostLogits)
	}
	if l.o.Alone {
		return min(left, ladder[0])
	}
	return l.chunk(t.everyRow(), left)
}

// focus brings the state of a text that is read to the Reader.
func (l *loop) focus(t *text) error {
	if l.reader == t {
		return nil
	}
	if other := l.reader; other != nil {
		l.reader = nil
		other.state = l.snapshot()
		if err := l.machine.Save(Reader, &other.state); err != nil {
			l.fail(other, err)
		}
	}
	var err error
	switch {
	case t.state.State != nil:
		err = l.machine.Load(Reader, t.state)
		l.recycle(t)
	case t.hit != nil && t.hit.State != nil:
		err = l.machine.Load(Reader, t.hit.State.Snapshot())
	case t.From != nil:
		err = l.machine.Load(Reader, *t.From)
		t.seen = t.From.Tokens
	default:
		err = l.machine.Begin(t.Begin)
	}
	if err == nil {
		l.reader = t
	}
	return err
}

// promptRead samples the first token of a text, and gives it a slot if one is free.
func (l *loop) promptRead(t *text, logits []float32) {
	t.prompt = time.Now()
	if t.ReadOnly {
		l.finish(t, Event{Piece: generate.Piece{Reason: Read}}, nil)
		return
	}
	if err := l.share(t, logits); err != nil {
		l.fail(t, err)
		return
	}
	if !l.emit(t, t.sample(logits)) {
		return
	}
	l.reader = nil
	if slot := len(l.decoding); slot < l.facts.Slots && l.first(waiting) == nil {
		if err := l.machine.Move(Reader, slot); err != nil {
			l.fail(t, err)
			return
		}
		t.to(waiting)
		l.sit(t, slot)
		return
	}
	t.state = l.snapshot()
	if err := l.machine.Save(Reader, &t.state); err != nil {
		l.fail(t, err)
		return
	}
	t.to(waiting)
	l.queue(t)
}
