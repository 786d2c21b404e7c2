package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/chat"
	layouts "github.com/gosling-rwkv/gosling/checkpoint/dialect"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/guide"
	"github.com/gosling-rwkv/gosling/keys"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/service"
	"github.com/gosling-rwkv/gosling/states"
)

// client is who asks, as the model knows it.
func (c *call) client(salt string) service.Client {
	return service.Client{Tenant: c.tenant.Name, Weight: float64(c.tenant.Priority), Salt: salt}
}

// ignored tells the client which fields of its request were ignored.
func (c *call) ignored(fields []string) {
	if len(fields) > 0 {
		c.w.Header().Set("Gosling-Ignored", strings.Join(fields, ", "))
	}
}

// ask returns the request for texts that a dialect's options stand for, without its prompt. The caller releases its Begin.
func (c *call) ask(o api.Options) (r service.Request, err error) {
	m := c.s.o.Model
	if err := c.checkModel(o.Model); err != nil {
		return r, err
	}
	if (o.State != nil || o.SaveState != "" || o.ReturnState != "") && !c.tenant.Permissions.Has(keys.States) {
		return r, refuse(api.Forbidden, 0, "states need the permission %s, and %s may only %s", keys.States, c.tenant.Name, c.tenant.Permissions)
	}
	c.ignored(o.Ignored)
	r = service.Request{
		Client: c.client(o.CacheSalt), Stop: o.Stop, Choices: o.Choices, IgnoreEnd: m.IgnoresEnd(), Exact: o.Exact,
		ReadCache: o.Cache != api.NoCache, FillCache: o.Cache == api.UseCache, Save: o.SaveState, Form: o.Form,
	}
	api.Set(&r.IgnoreEnd, o.IgnoreEnd)
	vocab, err := m.Tokenizer()
	if err != nil {
		return r, err
	}
	if r.Sampling, err = o.Sampling.Over(m.DefaultSampling(), vocab); err != nil {
		return r, err
	}
	if o.Form != nil {
		unpenalized(&r, o.Sampling)
	}
	r.Sampling.Seed = m.Seed()
	api.Set(&r.Sampling.Seed, o.Seed)
	if o.Limit != nil {
		r.Limit, r.ReadOnly = *o.Limit, *o.Limit == 0
	}
	if o.Logprobs != nil {
		r.Probabilities = &sched.Probabilities{Top: *o.Logprobs, Sampled: o.Sampled}
	}
	r.Give = map[api.Return]service.Give{api.ReturnID: service.GiveID, api.ReturnData: service.GiveData}[o.ReturnState]
	return r, c.beginWith(o.State, &r)
}

// startTexts starts the texts of a request.
func (c *call) startTexts(ctx context.Context, q service.Request) (*service.Answers, error) {
	m := c.s.o.Model
	if c.s.o.LogPrompts {
		c.s.o.Log.Info("prompt", "id", c.id, "text", m.PromptText(q.Prompt))
	}
	answers, err := m.Start(ctx, q)
	return answers, told(err)
}

// checkModel takes the name of the model that a request asks for.
func (c *call) checkModel(name string) error {
	own := c.s.o.Model.Name()
	c.report.model = own
	if c.s.o.StrictModel && name != "" && name != own {
		return &api.Error{Kind: api.NotFound, Param: "model", Message: "there is no model with this name: this server has " + own}
	}
	return nil
}

// unpenalized leaves out the model's own penalties for tokens that repeat. A form repeats its signs and names, and penalties would make the model
// avoid them.
func unpenalized(r *service.Request, asked api.Sampling) {
	if asked.PresencePenalty == nil {
		r.Sampling.PresencePenalty = 0
	}
	if asked.FrequencyPenalty == nil {
		r.Sampling.FrequencyPenalty = 0
	}
}

// beginWith sets the state that a request's texts begin with.
func (c *call) beginWith(state *api.State, r *service.Request) (err error) {
	m := c.s.o.Model
	switch {
	case state == nil:
		return nil
	case state.Name != "":
		r.Begin, err = m.Named(r.Tenant, state.Name)
	default:
		r.Begin, err = m.Sent(state.Data)
	}
	return told(err)
}

// told returns what a client is told of an error of the model. Other errors stay as they are.
func told(err error) error {
	var (
		busy   *sched.BusyError
		long   *service.ContextError
		state  *service.StateError
		name   *service.NameError
		prompt *service.PromptError
		form   *guide.FormError
		stuck  *guide.StuckError
		source *grammar.Error

		unclear *layouts.Unclear
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &busy):
		return &api.Error{Kind: api.RateLimited, Message: busy.Error(), RetryAfter: busy.Wait}
	case errors.Is(err, sched.ErrClosed):
		return &api.Error{Kind: api.Unavailable, Message: err.Error()}
	case errors.As(err, &long):
		return &api.Error{Kind: api.TooLong, Message: err.Error(), PromptTokens: long.Prompt, ContextTokens: long.Context}
	case errors.As(err, &state) && errors.Is(err, states.ErrStorage):
		return &api.Error{Kind: api.Internal, Message: err.Error()}
	case errors.As(err, &state) && errors.Is(err, states.ErrClosed):
		return &api.Error{Kind: api.Unavailable, Message: err.Error()}
	case errors.As(err, &state) && errors.As(err, &unclear):
		return api.Invalidf("transpose", "%v: add ?transpose=1 if its matrices are transposed compared with the authors' files, or else ?transpose=0", err)
	case errors.As(err, &state) && (errors.Is(err, states.ErrNoState) || errors.Is(err, states.ErrDamaged)):
		return &api.Error{Kind: api.NotFound, Param: "state", Message: err.Error()}
	case errors.As(err, &state) && errors.Is(err, lm.ErrStateSize):
		return refuse(api.Invalid, http.StatusRequestEntityTooLarge, "%v", err)
	case errors.As(err, &state):
		return api.Invalidf("state", "%v", err)
	case errors.As(err, &name):
		return api.Invalidf("save_state", "%v", err)
	case errors.As(err, &prompt):
		return &api.Error{Kind: api.Invalid, Message: err.Error()}
	case errors.As(err, &form) && errors.As(err, &source):
		return api.Invalidf(source.Source, "%v", &grammar.Error{Where: source.Where, Reason: source.Reason})
	case errors.As(err, &form):
		return api.Invalidf("", "%v", err)
	case errors.Is(err, grammar.ErrFull):
		return &api.Error{Kind: api.RateLimited, Message: err.Error()}
	case errors.As(err, &stuck) && stuck.Banned:
		return api.Invalidf("logit_bias", "%v", err)
	case errors.As(err, &stuck):
		return &api.Error{Kind: api.Internal, Message: err.Error()}
	case errors.Is(err, service.ErrNotExact):
		return api.Unsupportedf("deterministic", "%v", err)
	case errors.Is(err, service.ErrManyStates):
		return api.Invalidf("n", "%v", err)
	}
	return err
}

// reported notes how a text ended for the log and the metrics.
func (c *call) reported(end *service.End) {
	if end.Prompt > 0 && c.report.read+c.report.cached == 0 { // the choices share a prompt
		c.report.read, c.report.cached, c.report.queue = end.Prompt-end.Cached, end.Cached, end.Waited
		c.report.first = cmp.Or(c.report.first, end.Waited+end.Read)
		c.s.cached.Add(int64(end.Cached))
	}
	for length := int64(end.Prompt + end.Tokens); ; {
		before := c.s.longest.Load()
		if before >= length || c.s.longest.CompareAndSwap(before, length) {
			break
		}
	}
	c.report.generated += end.Tokens
	c.s.predicted.Add(int64(end.Tokens))
	c.report.reasoning += end.Thinking
	c.report.end = string(end.Reason)
}

// usage counts the tokens of texts that share a prompt.
func usage(ends ...*service.End) api.Usage {
	var u api.Usage
	for _, e := range ends {
		u.Prompt, u.Cached = e.Prompt, max(u.Cached, e.Cached)
		u.Completion += e.Tokens
		u.Reasoning += e.Thinking
	}
	return u
}

// timings returns how long texts that share a prompt took.
func timings(ends ...*service.End) api.Timings {
	var t api.Timings
	for _, e := range ends {
		t.Cached = max(t.Cached, e.Cached)
		t.Prompt = e.Prompt - t.Cached
		t.Predicted += e.Tokens
		t.Read, t.Decoded = max(t.Read, e.Read), max(t.Decoded, e.Decoded)
	}
	return t
}

// stateInfo tells where the state behind a text is.
func stateInfo(k *service.Kept) *api.StateInfo {
	if k == nil {
		return nil
	}
	if k.Err != nil {
		return &api.StateInfo{Error: k.Err.Error()}
	}
	return &api.StateInfo{ID: k.ID, Name: k.Name, Data: k.Data}
}

// tokens returns tokens as dialects tell them. sampled tells that the probabilities are those that they were drawn with.
func tokens(list []service.Token, sampled bool) []api.Token {
	told := make([]api.Token, len(list))
	for i, t := range list {
		told[i] = api.Token{ID: t.ID, Text: t.Text, Bytes: t.Bytes, Logprob: t.Logprob, Sampled: sampled}
		if t.Top != nil {
			told[i].Top = tokens(t.Top, sampled)
		}
	}
	return told
}

// wanted returns tokens if the request asked for their probabilities, and nil otherwise.
func wanted(r *service.Request, list []service.Token) []api.Token {
	if r.Probabilities == nil {
		return nil
	}
	return tokens(list, r.Probabilities.Sampled)
}

// progress returns how much of the prompt was read.
func progress(p *service.Progress) *api.Progress {
	return &api.Progress{Total: p.Total, Cached: p.Cached, Read: p.Read, Time: p.Time}
}

// stops adds the stop strings of the model's template to those of a request for an answer in a conversation. An answer that must look like
// something ends where that does.
func stops(r *service.Request, f chat.Format) {
	if r.IgnoreEnd {
		return
	}
	if r.Form == nil {
		r.Stop = append(f.Stops[:len(f.Stops):len(f.Stops)], r.Stop...)
	}
	r.Stop = chat.Stops(r.Stop, f.Start())
}

// ended is the error of a text that ended for a reason that is nobody's fault but its server's, or nil.
func ended(e *service.End) error {
	if e.Err != nil {
		return told(e.Err)
	}
	if e.Reason == generate.Cancelled {
		return fmt.Errorf("cancelled after %v", e.Decoded.Round(time.Millisecond))
	}
	return nil
}

// meanLogprob returns the average logarithm of a text's probabilities.
func meanLogprob(list []service.Token) float64 {
	sum := 0.0
	for _, t := range list {
		sum += t.Logprob
	}
	return sum / math.Max(1, float64(len(list)))
}
