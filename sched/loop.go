package sched

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/states"
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
	pool     states.Pool       // of the tree's states
	keeping  sync.WaitGroup    // puts states into the tree
}

func (e *Engine) loop() {
	defer close(e.done)
	l := &loop{Engine: e, tenants: map[string]*tenant{}, pace: pace{latency: e.o.Latency, share: e.o.ReadShare}}
	if e.o.WarmUp {
		_ = protect(func() error { l.warmUp(); return nil })
	}
	l.run()
	l.keeping.Wait()
}

// warmUp reads a few tokens, twice because the first time is slower, and decodes one. A machine that fails will fail with a text, too.
func (l *loop) warmUp() {
	tokens := make([]tokenizer.Token, smallChunk)
	for i := range tokens {
		tokens[i] = tokenizer.Token(1 + i%(l.facts.Vocab-1))
	}
	if l.machine.Begin(nil) != nil {
		return
	}
	for range 2 {
		started := time.Now()
		if _, err := l.machine.Read(l.ctx, tokens, rwkv.LastLogits); err != nil {
			return
		}
		l.took[rwkv.NoLogits] = [rungs]time.Duration{}
		l.tookToRead(rwkv.NoLogits, len(tokens), time.Since(started))
	}
	if l.machine.Move(Reader, 0) == nil {
		_, _ = l.machine.Decode(l.ctx, tokens[:1])
	}
	l.forget()
}

// step takes one step. It returns false if there is nothing left to do, ever.
func (l *loop) step() bool {
	open := l.intake()
	l.sweep()
	l.branch()
	l.seat()
	next := l.nextToRead()
	l.publish()
	competing := next != nil && len(l.decoding) > 0
	if !competing {
		l.forget()
	}
	switch {
	case len(l.decoding) > 0 && !(competing && l.mayRead(next.everyRow(), next.left())):
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
		l.texts = append(l.texts, t)
		t.tenant = l.tenantOf(t.Tenant)
		t.tenant.texts++
		l.queue(t)
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
	s.Queued, s.Reading, s.Waiting, s.Decoding, s.Parked = counts[queued]+counts[following], counts[reading], counts[waiting], counts[decoding], counts[parked]
	clear(l.slots)
	for i, t := range l.decoding {
		l.slots[i] = t.inSlot()
	}
	free := l.slots[len(l.decoding):]
	for _, t := range l.texts {
		if t.phase == reading && len(free) > 0 {
			free[0] = t.inSlot()
			free = free[1:]
		}
	}
}

// inSlot tells what the slot of a text does.
func (t *text) inSlot() Slot {
	return Slot{true, len(t.Prompt), t.read, t.cached, len(t.out), t.Generate.Limit}
}

// sweep ends the texts that were cancelled or have waited too long, and lets parked ones go on whose Stream was read.
func (l *loop) sweep() {
	now := time.Now()
	for _, t := range slices.Clone(l.texts) {
		switch {
		case t.phase == finished: // because of another one
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
