package sched

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
)

func (l *loop) failAll(texts []*text, err error) {
	for _, t := range texts {
		if t.phase != finished {
			l.fail(t, err)
		}
	}
}

// fail ends a text with an error. If it reads the prompt of a group, all texts of the group end so.
func (l *loop) fail(t *text, err error) {
	texts := []*text{t}
	if t.readsForOthers() {
		texts = slices.Clone(t.group.texts)
		slices.Reverse(texts) // nobody goes on reading
	}
	l.report(err, len(texts))
	for _, each := range texts {
		l.finish(each, Event{}, err)
	}
}

// end ends a text for a reason that its tokens do not have.
func (l *loop) end(t *text, reason generate.Reason) {
	piece, err := t.writer.End(reason)
	if err == nil && reason == generate.Cancelled {
		err = cmp.Or(context.Cause(t.ctx), l.ctx.Err(), context.DeadlineExceeded)
	}
	l.finish(t, Event{Piece: piece}, err)
}

// finish hands out the last event of a text and forgets it.
func (l *loop) finish(t *text, last Event, err error) {
	end := t.ended(err)
	last.End = end
	var rest func()
	if last.Reason != "" {
		rest = l.endState(t, end)
	}
	l.drop(t)
	if rest == nil {
		t.deliver(last)
		return
	}
	l.keeping.Go(func() { // whoever knows the answer finds its state
		l.report(protect(func() error {
			rest()
			return nil
		}), 0)
		t.deliver(last)
	})
}

// deliver hands out the last event.
func (t *text) deliver(last Event) {
	t.stream.events <- last // there is room for one more than fullStream
	close(t.stream.events)
	t.stream.cancel()
}

// ended returns how a text ends now, but for its state.
func (t *text) ended(err error) *End {
	now := time.Now()
	end := &End{Err: err, Prompt: t.read, Cached: t.cached, Tokens: len(t.out)}
	end.Waited = cmp.Or(t.begun, now).Sub(t.arrived)
	end.Read = cmp.Or(t.prompt, now).Sub(cmp.Or(t.begun, now))
	end.Decoded = now.Sub(cmp.Or(t.prompt, now))
	return end
}

// endState gives the state behind a text to its End and to the tree, if they want it. It returns what keepAnswer returns.
func (l *loop) endState(t *text, end *End) (rest func()) {
	filling := t.text != nil && t.Cache.Fill && end.Err == nil && len(t.out) > 0
	if !t.Keep && !filling {
		return nil
	}
	state := t.final
	if state == nil {
		var err error
		if state, err = l.stateOf(t); err != nil && t.Keep {
			end.Err = cmp.Or(end.Err, err)
		}
	}
	if filling {
		rest = l.keepAnswer(t, state)
	}
	if t.Keep {
		end.State = state
	}
	return rest
}

// drop takes a text away from the machine and from those that wait.
func (l *loop) drop(t *text) {
	if t.phase == decoding {
		l.leave(t)
	}
	l.leaveGroup(t)
	if l.reader == t {
		l.reader = nil
	}
	l.recycle(t)
	t.to(finished)
	l.remove(t)
}

// remove forgets a text that has nothing to do with the machine any more.
func (l *loop) remove(t *text) {
	if t.hit != nil {
		t.hit.Release()
	}
	t.tenant.texts--
	l.texts = slices.DeleteFunc(l.texts, func(other *text) bool { return other == t })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Engine.texts--
	l.service = average(l.service, time.Since(t.arrived)/time.Duration(max(1, l.facts.Slots)))
}

// stateOf returns the state of a text, wherever it is. Before its prompt is read it has none.
func (l *loop) stateOf(t *text) (*engine.Snapshot, error) {
	s := engine.Snapshot{Tokens: t.seen}
	switch {
	case t.phase == decoding || l.reader == t:
		if err := l.machine.Save(t.slot, &s); err != nil {
			return nil, err
		}
		return &s, nil
	case t.forked || t.readsForOthers() && t.state.State != nil:
		copyState(&s, t.away()) // others need it
		return &s, nil
	case t.state.State != nil:
		s.State = t.state.State
		t.state = engine.Snapshot{}
		return &s, nil
	}
	return nil, nil
}
