package service

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/guide"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Client is who asks.
type Client struct {
	Tenant string  // whose cache, names and share of the machine it is
	Salt   string  // divides the tenant's cache
	Weight float64 // the tenant's share of the machine beside others'; 0 is 1
}

// Request asks for texts that go on from one prompt.
type Request struct {
	Client
	Prompt   Prompt
	Begin    *Begin          // what the prompt goes on from; nil is the model's own beginning. It is held until the texts have ended
	Sampling sampler.Options // its Seed is that of the first text; the others have the seeds after it
	Stop     []string        // strings that end a text
	Limit    int             // the most tokens of a text; 0 follows the server
	ReadOnly bool            // only the prompt is read
	Choices  int             // texts; 0 is 1

	IgnoreEnd   bool          // the model may not end a text
	ThinkBudget *int          // the most tokens of thoughts; then the answer must follow
	Form        *grammar.Part // what a text must look like, or an answer in words behind its thoughts; nil is any text

	Probabilities *sched.Probabilities // of each token; nil is none
	PromptTokens  bool                 // tell the probabilities of the prompt's tokens, too
	Tokens        bool                 // tell the tokens even without Probabilities

	ReadCache, FillCache bool
	Exact                bool // the texts may not depend on what else is computed

	Save string // a name for the state behind the text
	Give Give   // how the state behind the text is given back
}

// Give is how the state behind a text is given back.
type Give int

// The ways.
const (
	GiveNothing Give = iota
	GiveID           // it is kept for a while under an id
	GiveData         // its bytes are in the End
)

// keepsState reports whether the state behind the text is wanted.
func (r *Request) keepsState() bool { return r.Save != "" || r.Give != GiveNothing }

// check validates a request. limit is the maximum number of tokens of a text; 0 means no limit.
func (m *Model) check(r *Request) (limit int, err error) {
	switch {
	case r.Exact && !m.Exact() && !m.o.Schedule.Alone:
		return 0, ErrNotExact
	case r.Choices > 1 && r.keepsState():
		return 0, ErrManyStates
	}
	if err := checkName(r.Save); err != nil {
		return 0, err
	}
	limit = cmp.Or(r.Limit, m.o.Limit)
	if room := m.o.Context - len(r.Prompt.Tokens); m.o.Context > 0 {
		if room <= 0 && !r.ReadOnly || room < 0 {
			return 0, &ContextError{len(r.Prompt.Tokens), m.o.Context}
		}
		if limit == 0 || limit > room {
			limit = room
		}
	}
	return limit, nil
}

// scheduled returns the request as the machine takes it. The caller closes the guides when its texts have ended.
func (m *Model) scheduled(r *Request, limit int) (q sched.Request, more []*sampler.Sampler, guides []*guide.Guide, err error) {
	defer func() {
		if err != nil {
			closeAll(guides)
		}
	}()
	var samplers []*sampler.Sampler
	for i := range max(1, r.Choices) {
		o := r.Sampling
		o.Seed += uint64(i)
		g, err := m.guide(r)
		if err != nil {
			return q, nil, guides, err
		}
		if guides = append(guides, g); g != nil {
			o.Guide = g
		}
		if r.IgnoreEnd && (g == nil || !g.Ends()) {
			o.Banned = slices.Concat(o.Banned, m.ends())
		}
		s, err := sampler.New(o)
		if err != nil {
			return q, nil, guides, err
		}
		samplers = append(samplers, s)
	}
	q = sched.Request{
		Tenant: r.Tenant, Weight: r.Weight, Prompt: r.Prompt.Tokens, Begin: m.Beginning(), From: r.Begin.snapshot(),
		Generate: generate.Options{Vocab: m.vocab, Sampler: samplers[0], End: m.EndTokens(m.o.Format.Template), Stop: r.Stop, Limit: limit},
		ReadOnly: r.ReadOnly, Timeout: m.o.Timeout, Keep: r.keepsState(), Probabilities: r.Probabilities,
		Cache: m.cached(r, r.Prompt.marks, r.Prompt.cut),
	}
	return q, samplers[1:], guides, nil
}

// guide returns the guide of a text, or nil if any text will do.
func (m *Model) guide(r *Request) (*guide.Guide, error) {
	o := guide.Options{Form: r.Form, Ends: m.ends(), IgnoreEnd: r.IgnoreEnd}
	if c := r.Prompt.chat; c != nil && !r.ReadOnly {
		if form, begun, ok := c.Grammar(r.Form); ok {
			o.Form, o.Begun, o.Stops = &form, begun, m.o.Format.Stops
		}
		if r.ThinkBudget != nil {
			o.Budget, o.Splitter = r.ThinkBudget, c.NewSplitter()
		}
	}
	return m.NewGuide(o)
}

// closeAll closes guides.
func closeAll(guides []*guide.Guide) {
	for _, g := range guides {
		g.Close()
	}
}

// ends returns the tokens that end a text.
func (m *Model) ends() []tokenizer.Token {
	ends := m.EndTokens(m.o.Format.Template)
	if m.vocab != nil {
		return slices.Concat(m.vocab.Marks().End, ends)
	}
	return append(slices.Clip(ends), tokenizer.EndOfText)
}

// cached says how a text of the request uses the tree of states.
func (m *Model) cached(r *Request, marks states.Marks, cut bool) *sched.Cached {
	if m.tree == nil || !r.ReadCache && !r.FillCache {
		return nil
	}
	owner := states.Owner{Model: m.Identity(), Begin: r.Begin.identity(), Tenant: r.Tenant, Salt: r.Salt}
	return &sched.Cached{Space: m.secret.Namespace(owner), Marks: marks, Cut: cut, Fill: r.FillCache, Exact: r.Exact}
}

// Start begins the texts of a request. Errors that tell what is wrong with the request are of the types of this package. If too many texts are
// there, the error is a *sched.BusyError; after Close it is sched.ErrClosed. The caller closes the Answers.
func (m *Model) Start(ctx context.Context, r Request) (*Answers, error) {
	limit, err := m.check(&r)
	if err != nil {
		return nil, err
	}
	q, more, guides, err := m.scheduled(&r, limit)
	if err != nil {
		return nil, err
	}
	a := &Answers{m: m, r: r, limit: limit, events: make(chan Event)}
	if r.IgnoreEnd {
		a.banned = m.ends()
	}
	a.ctx, a.cancel = context.WithCancel(ctx)
	if r.PromptTokens {
		a.promptTokens(&q)
	}
	streams, err := m.engine.SubmitAll(a.ctx, q, more...)
	if err != nil {
		a.cancel()
		closeAll(guides)
		return nil, err
	}
	a.submitted = time.Now()
	for i, stream := range streams {
		t := newText(a, i, stream)
		a.running.Go(t.run)
	}
	go func() {
		a.running.Wait()
		closeAll(guides)
		close(a.events)
	}()
	return a, nil
}
