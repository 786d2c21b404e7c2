package sched

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// loop is the goroutine that owns the machine, and what it knows.
type loop struct {
	*Engine
	pace
	texts    []*text // that are not finished
	decoding []*text // by slot
	reader   *text   // whose state is in the Reader, or nil
	last     *text   // that was read last
	lines    uint64
	tenants  map[string]*tenant
	spare    []engine.Snapshot // memory for states
}

func (e *Engine) loop() {
	defer close(e.done)
	l := &loop{Engine: e, tenants: map[string]*tenant{}, pace: pace{latency: e.o.Latency, alone: time.Second, share: e.o.ReadShare}}
	for l.step() {
	}
}

// step takes one step. It returns false if there is nothing left to do, ever.
func (l *loop) step() bool {
	open := l.intake()
	l.sweep()
	l.seat()
	next := l.nextToRead()
	l.publish()
	competing := next != nil && len(l.decoding) > 0
	if !competing {
		l.forget()
	}
	switch {
	case len(l.decoding) > 0 && !(competing && l.mayRead()):
		l.decode()
	case next != nil:
		l.readChunk(next)
	case !open && len(l.texts) == 0:
		return false
	default:
		l.sleep()
	}
	return true
}

// intake takes over the texts that arrived. It returns false if no others can arrive.
func (l *loop) intake() bool {
	l.mu.Lock()
	arrived, closed := l.arrived, l.closed
	l.arrived = nil
	l.mu.Unlock()
	for _, t := range arrived {
		t.tenant = l.tenantOf(t.Tenant)
		t.tenant.texts++
		l.queue(t)
		l.texts = append(l.texts, t)
	}
	return !closed
}

// queue puts a text at the end of those that wait.
func (l *loop) queue(t *text) {
	l.lines++
	t.line = l.lines
}

// mostTenants is the most tenants whose accounts are kept while they have no texts.
const mostTenants = 4096

// tenantOf returns the tenant with a name. One that comes back begins with the smallest account of those that are active.
func (l *loop) tenantOf(name string) *tenant {
	found := l.tenants[name]
	if found == nil {
		found = &tenant{}
		l.tenants[name] = found
	}
	if len(l.tenants) > mostTenants {
		maps.DeleteFunc(l.tenants, func(_ string, other *tenant) bool { return other.texts == 0 && other != found })
	}
	if found.texts == 0 {
		least := math.Inf(1)
		for _, other := range l.tenants {
			if other.texts > 0 {
				least = min(least, other.used)
			}
		}
		if !math.IsInf(least, 1) {
			found.used = max(found.used, least)
		}
	}
	return found
}

// publish updates the statistics.
func (l *loop) publish() {
	var counts [finished]int
	for _, t := range l.texts {
		counts[t.phase]++
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.stats
	s.Queued, s.Reading, s.Waiting, s.Decoding, s.Parked = counts[queued], counts[reading], counts[waiting], counts[decoding], counts[parked]
}

// sweep ends the texts that were cancelled or have waited too long, and lets parked ones go on whose Stream was read.
func (l *loop) sweep() {
	now := time.Now()
	for _, t := range slices.Clone(l.texts) {
		switch {
		case l.ctx.Err() != nil || t.ctx.Err() != nil:
			l.end(t, generate.Cancelled)
		case t.Timeout > 0 && now.Sub(t.arrived) >= t.Timeout:
			l.end(t, generate.Limit)
		case t.phase == parked && len(t.stream.events) <= fullStream/2:
			t.stream.parked.Store(false)
			t.to(waiting)
			l.queue(t)
		case t.phase == parked && now.Sub(t.block) >= l.o.WriteTimeout:
			l.end(t, generate.Cancelled)
		}
	}
}

// sleep waits until somebody pokes the loop, or until a text has waited too long.
func (l *loop) sleep() {
	until := time.Hour
	for _, t := range l.texts {
		if t.Timeout > 0 {
			until = min(until, time.Until(t.arrived.Add(t.Timeout)))
		}
		if t.phase == parked {
			until = min(until, time.Until(t.block.Add(l.o.WriteTimeout)))
		}
	}
	timer := time.NewTimer(max(0, until))
	defer timer.Stop()
	select {
	case <-l.poked:
	case <-timer.C:
	}
}

// first returns the first text of a phase among those that wait, or nil.
func (l *loop) first(p phase) (found *text) {
	for _, t := range l.texts {
		if t.phase == p && l.mayRun(t) && (found == nil || t.before(found)) {
			found = t
		}
	}
	return found
}

// mayRun reports whether it is the time for a text: those in the background wait for all others.
func (l *loop) mayRun(t *text) bool {
	return !t.Background || !slices.ContainsFunc(l.texts, func(other *text) bool { return !other.Background && other.phase != parked })
}

// count returns the number of texts of some phases.
func (l *loop) count(phases ...phase) (n int) {
	for _, t := range l.texts {
		if slices.Contains(phases, t.phase) {
			n++
		}
	}
	return n
}

// seat gives slots to texts that wait. If all slots are taken, those whose turn is over leave theirs.
func (l *loop) seat() {
	for t := l.first(waiting); t != nil; t = l.first(waiting) {
		if len(l.decoding) == l.facts.Slots && !l.swapOut(t) {
			return
		}
		slot := len(l.decoding)
		if err := l.machine.Load(slot, t.state); err != nil {
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

// recycle gives the memory of a text's state to the next ones.
func (l *loop) recycle(t *text) {
	if t.state.State != nil {
		l.spare = append(l.spare, t.state)
		t.state = engine.Snapshot{}
	}
}

// nextToRead returns the text whose prompt is read next, or nil. At most two prompts are read in turns: that of the first text, and the one
// with the least left to read.
func (l *loop) nextToRead() *text {
	var readers []*text
	for _, t := range l.texts {
		if t.phase == reading && l.mayRun(t) {
			readers = append(readers, t)
		}
	}
	if len(readers) < 2 && l.mayAdmit() {
		next := l.first(queued)
		if len(readers) == 1 {
			next = l.shortest(readers[0].left())
		}
		if next != nil {
			next.to(reading)
			next.begun = time.Now()
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

// mayAdmit reports whether there is memory for the state of one more text.
func (l *loop) mayAdmit() bool {
	n := l.count(reading, waiting, decoding, parked)
	if l.o.Alone {
		return n == 0
	}
	return n <= l.facts.Slots || int64(n-l.facts.Slots) < l.o.StateMemory/max(1, l.facts.StateBytes)
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
	n := l.chunk(t.left(), len(l.decoding) > 0)
	if l.o.Alone {
		n = min(t.left(), ladder[0])
	}
	started := time.Now()
	logits, err := l.machine.Read(l.ctx, t.Prompt[t.read:t.read+n], n == t.left() && !t.ReadOnly)
	took := time.Since(started)
	l.tookToRead(n, took)
	t.charge(took)
	if err != nil {
		l.reader = nil // its state is spoiled
		l.fail(t, err)
		return
	}
	t.read += n
	t.seen += int64(n)
	l.mu.Lock()
	l.stats.ReadTokens += int64(n)
	l.mu.Unlock()
	if len(t.stream.events) < fullStream/2 { // what is left is for pieces
		t.stream.events <- Event{Read: t.read}
	}
	switch {
	case t.left() > 0:
	case t.ReadOnly:
		t.prompt = time.Now()
		l.finish(t, generate.Piece{Reason: Read}, nil)
	default:
		l.beginToDecode(t, logits)
	}
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
	case t.read > 0:
		err = l.machine.Load(Reader, t.state)
		l.recycle(t)
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

// beginToDecode samples the first token of a text, and gives it a slot if one is free.
func (l *loop) beginToDecode(t *text, logits []float32) {
	t.prompt = time.Now()
	t.writer.AfterRead()
	piece, err := t.sample(logits)
	if !l.emit(t, piece, err) {
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

// sample samples the next token and returns its piece.
func (t *text) sample(logits []float32) (generate.Piece, error) {
	token, err := t.Generate.Sampler.Sample(logits)
	if err != nil {
		return generate.Piece{}, err
	}
	t.next = token
	piece, err := t.writer.Take(token)
	if piece.Reason != generate.EndOfText {
		t.sampled++
	}
	return piece, err
}

// emit hands out a piece. It ends the text if the piece is the last one or err is not nil, and reports whether the text goes on.
func (l *loop) emit(t *text, piece generate.Piece, err error) bool {
	switch {
	case err != nil:
		l.fail(t, err)
	case piece.Reason != "":
		l.finish(t, piece, nil)
	default:
		t.stream.events <- Event{Piece: piece} // there is room: see decode
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
	var notFinite *engine.NotFiniteError
	if err != nil && !errors.As(err, &notFinite) {
		l.failAll(texts, err)
		return
	}
	pieces, errs := make([]generate.Piece, len(texts)), make([]error, len(texts))
	var workers errgroup.Group
	workers.SetLimit(l.o.Workers)
	for i, t := range texts {
		t.writer.AfterRead()
		t.seen++
		t.turn++
		row := rows[i*l.facts.Vocab:][:l.facts.Vocab]
		workers.Go(func() error {
			pieces[i], errs[i] = t.sample(row)
			return nil
		})
	}
	_ = workers.Wait()
	took := time.Since(started)
	l.decodeTime += took
	l.mu.Lock()
	l.stats.Steps++
	l.stats.DecodedTokens += int64(len(texts))
	l.mu.Unlock()
	for i, t := range texts {
		t.charge(took / time.Duration(len(texts)))
		if t.phase == decoding && l.emit(t, pieces[i], errs[i]) && len(t.stream.events) >= fullStream {
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

func (l *loop) failAll(texts []*text, err error) {
	for _, t := range texts {
		if t.phase != finished {
			l.fail(t, err)
		}
	}
}

// fail ends a text with an error.
func (l *loop) fail(t *text, err error) { l.finish(t, generate.Piece{}, err) }

// end ends a text for a reason that its tokens do not have.
func (l *loop) end(t *text, reason generate.Reason) {
	piece, err := t.writer.End(reason)
	if err == nil && reason == generate.Cancelled {
		err = cmp.Or(context.Cause(t.ctx), l.ctx.Err(), context.DeadlineExceeded)
	}
	l.finish(t, piece, err)
}

// finish hands out the last event of a text and forgets it.
func (l *loop) finish(t *text, piece generate.Piece, err error) {
	now := time.Now()
	end := &End{Err: err, Prompt: t.read, Tokens: t.sampled}
	end.Waited = cmp.Or(t.begun, now).Sub(t.arrived)
	end.Read = cmp.Or(t.prompt, now).Sub(cmp.Or(t.begun, now))
	end.Decoded = now.Sub(cmp.Or(t.prompt, now))
	if t.Keep && piece.Reason != "" {
		if end.State = t.final; end.State == nil {
			state, saveErr := l.stateOf(t)
			end.State, end.Err = state, cmp.Or(end.Err, saveErr)
		}
	}
	if t.phase == decoding {
		l.leave(t)
	}
	if l.reader == t {
		l.reader = nil
	}
	l.recycle(t)
	t.to(finished)
	t.tenant.texts--
	l.texts = slices.DeleteFunc(l.texts, func(other *text) bool { return other == t })
	l.mu.Lock()
	l.Engine.texts--
	l.service = average(l.service, now.Sub(t.arrived)/time.Duration(max(1, l.facts.Slots)))
	l.mu.Unlock()
	t.stream.events <- Event{Piece: piece, End: end} // there is room for one more than fullStream
	close(t.stream.events)
	t.stream.cancel()
}

// stateOf returns the state of a text, wherever it is. Before its prompt is read it has none.
func (l *loop) stateOf(t *text) (*engine.Snapshot, error) {
	s := engine.Snapshot{Tokens: t.seen}
	switch {
	case t.phase == decoding || l.reader == t:
		return &s, l.machine.Save(t.slot, &s)
	case t.state.State != nil:
		s.State = t.state.State
		t.state = engine.Snapshot{}
		return &s, nil
	}
	return nil, nil
}
