package service

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/states"
)

// errUnfinished reports that a conversation cannot go on from a state.
var errUnfinished = errors.New("the answer ended before there was anything to keep, so no state was kept: allow more tokens")

// ended returns how the text ended. It keeps the state behind it, and lets the cache know what the next turn will look like.
func (t *text) ended(e sched.Event) *End {
	end := &End{
		Err: e.End.Err, Reason: e.Reason, Stop: e.Stop, Prompt: len(t.a.r.Prompt.Tokens), Cached: e.End.Cached, Tokens: t.sampled,
		Limit: t.a.limit, Banned: t.a.banned, Thinking: t.thinking, Waited: e.End.Waited, Read: e.End.Read, Decoded: e.End.Decoded,
	}
	if end.Err != nil {
		return end
	}
	r := &t.a.r
	if r.keepsState() {
		end.State = &Kept{Name: r.Save}
		state, err := t.stateBehind(e)
		if err == nil {
			err = t.a.m.keep(r, state, end.State)
		}
		end.State.Err = err
	} else if c := r.Prompt.chat; c != nil && r.FillCache && !r.ReadOnly {
		t.a.m.close(*r, string(t.said), e.Reason)
	}
	return end
}

// unfinished reports whether something else than the model ended an answer.
func unfinished(reason generate.Reason) bool {
	return reason == generate.Limit || reason == generate.Cancelled
}

// close lets the model read the turn of an answer as the next turn's prompt will have it, when there is nothing else to do. That is needed if
// the state behind the answer is not a state of that prompt: because thoughts are dropped, for example.
func (m *Model) close(r Request, said string, reason generate.Reason) {
	closing, ok := r.Prompt.chat.Close(said, unfinished(reason))
	if !ok || closing.Ready || m.tree == nil {
		return
	}
	select {
	case m.closings <- struct{}{}:
	default:
		return // the machine has other things to do
	}
	p, err := m.Text(closing.Text)
	if err != nil {
		<-m.closings
		return // the next turn will say so
	}
	begin := r.Begin
	if begin != nil {
		begin = &Begin{begin.state.Hold(), begin.id}
	}
	m.later(func(ctx context.Context) {
		defer func() { <-m.closings }()
		defer begin.Release()
		q := m.reading(&r, p)
		q.Background = true
		if s, err := m.engine.Submit(ctx, q); err == nil {
			for _, ok := s.Next(); ok; _, ok = s.Next() {
			}
		}
	})
}

// reading returns the request to read a prompt from where r begins.
func (m *Model) reading(r *Request, p Prompt) sched.Request {
	return sched.Request{
		Tenant: r.Tenant, Weight: r.Weight, Prompt: p.Tokens, Begin: m.Beginning(), From: r.Begin.snapshot(),
		Generate: generate.Options{Vocab: m.vocab}, ReadOnly: true, Cache: m.cached(r, p.marks, p.cut),
	}
}

// stateBehind returns the state behind a text. That of a conversation is where the next turn begins.
func (t *text) stateBehind(e sched.Event) (*engine.Snapshot, error) {
	m, r := t.a.m, &t.a.r
	rest := bytes.Clone(e.Unread)
	if c := r.Prompt.chat; c != nil && !r.ReadOnly {
		closing, ok := c.Close(string(t.said), unfinished(e.Reason))
		if !ok {
			return nil, errUnfinished
		}
		if !closing.Ready {
			p, err := m.Text(closing.Text)
			if err != nil {
				return nil, err
			}
			return m.read(t.a.ctx, m.reading(r, p))
		}
		rest = append(rest, closing.Text[len(c.Text)+len(t.said):]...)
	}
	if e.End.State == nil {
		return nil, errors.New("the model gave no state")
	}
	if len(rest) == 0 {
		return e.End.State, nil
	}
	p, err := m.Text(string(rest))
	if err != nil {
		return nil, err
	}
	q := m.reading(r, p)
	q.Begin, q.From, q.Cache = nil, e.End.State, nil
	return m.read(t.a.ctx, q)
}

// read computes a request that only reads and returns the state behind it.
func (m *Model) read(ctx context.Context, q sched.Request) (*engine.Snapshot, error) {
	q.Keep = true
	s, err := m.engine.Submit(ctx, q)
	if err != nil {
		return nil, err
	}
	var end *sched.End
	for e, ok := s.Next(); ok; e, ok = s.Next() {
		if e.End != nil {
			end = e.End
		}
	}
	return end.State, end.Err
}

// keptFor is how long a state without a name is kept.
const keptFor = 10 * time.Minute

// keep keeps the state behind a text as the request asks, and says where.
func (m *Model) keep(r *Request, snapshot *engine.Snapshot, where *Kept) error {
	state := states.NewState(*snapshot)
	defer state.Release()
	if r.Save != "" {
		if _, err := m.names.Put(r.Tenant, r.Save, state, 0); err != nil {
			return err
		}
	}
	switch r.Give {
	case GiveID:
		named, err := m.names.Put(r.Tenant, "", state, keptFor)
		where.ID = named.Name
		return err
	case GiveData:
		var b bytes.Buffer
		err := m.Layout().Write(&b, *snapshot, engine.StateF32)
		where.Data = b.Bytes()
		return err
	}
	return nil
}
