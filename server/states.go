package server

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/rwkv"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/service"
	"github.com/gosling-rwkv/gosling/states"
)

// kept describes a state to a client. Its id is what requests call it: the name, or what it has instead of one.
func kept(n states.Named) rwkv.State {
	name := n.Name
	if states.CheckName(name) != nil { // the store made it
		name = ""
	}
	return rwkv.State{
		ID: n.Name, Name: name, Model: n.Model, Fingerprint: hex.EncodeToString(n.Fingerprint[:8]), Tokens: n.Tokens,
		Bytes: n.Bytes, Created: n.Made, Expires: n.Expires,
	}
}

// listStates lists the tenant's states.
func (s *Server) listStates(c *call) error {
	var all []rwkv.State
	for _, n := range s.o.Model.Names().List(c.tenant.Name) {
		all = append(all, kept(n))
	}
	return c.answer(http.StatusOK, rwkv.EncodeStates(all))
}

// makeState reads a text or a conversation and keeps the state behind it.
func (s *Server) makeState(c *call) error {
	r, err := decoded(c, rwkv.DecodeCreate)
	if err != nil {
		return err
	}
	if err := c.checkModel(r.Model); err != nil {
		return err
	}
	c.ignored(r.Ignored)
	m := s.o.Model
	prompt, err := s.statePrompt(r)
	if err != nil {
		return told(err)
	}
	c.report.read = len(prompt.Tokens)
	made, err := m.Make(c.ctx, c.client(""), prompt, r.Name, ttl(r.TTL))
	if err != nil {
		return blame(err, "name")
	}
	return c.answer(http.StatusCreated, rwkv.EncodeState(kept(made)))
}

// statePrompt returns the prompt whose state a request asks for.
func (s *Server) statePrompt(r *rwkv.CreateRequest) (service.Prompt, error) {
	if r.Conversation == nil {
		return s.prompt(*r.Prompt)
	}
	format, err := r.Conversation.Format(s.o.Model.Format())
	if err != nil {
		return service.Prompt{}, err
	}
	return s.o.Model.Turns(format, r.Conversation.Messages)
}

func ttl(d *time.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return *d
}

// blame returns what a client is told of an error of a state in a request that has no field state. field has the name of a new state.
func blame(err error, field string) error {
	var name *service.NameError
	if errors.As(err, &name) || errors.Is(err, states.ErrName) {
		return api.Invalidf(field, "%v", err)
	}
	said := told(err)
	if e, ok := said.(*api.Error); ok && e.Param == "state" {
		e.Param, e.Message = "", err.Error()
	}
	return said
}

// describeState describes one state.
func (s *Server) describeState(c *call) error {
	n, err := s.o.Model.Names().Find(c.tenant.Name, c.r.PathValue("name"))
	if err != nil {
		return blame(&service.StateError{Err: err}, "")
	}
	return c.answer(http.StatusOK, rwkv.EncodeState(kept(n)))
}

// largestState is the size of the largest file that can be a state of the model.
func (s *Server) largestState() int64 {
	if s.o.Model == nil {
		return 0 // while it is loaded
	}
	return s.o.Model.MaxStateFile()
}

// uploadState keeps a state that the client sends.
func (s *Server) uploadState(c *call) error {
	query := c.r.URL.Query()
	var transposed *bool
	if text := query.Get("transpose"); text != "" {
		value, err := strconv.ParseBool(text)
		if err != nil {
			return api.Invalidf("transpose", "want 1 or 0")
		}
		transposed = &value
	}
	var life time.Duration
	if text := query.Get("ttl"); text != "" {
		var bad *api.Error
		if life, bad = rwkv.ParseTTL(text); bad != nil {
			return bad
		}
	}
	n, err := s.o.Model.Upload(c.client(""), c.r.PathValue("name"), c.upload(), transposed, life)
	if err != nil {
		return blame(err, "name")
	}
	return c.answer(http.StatusOK, rwkv.EncodeState(kept(n)))
}

// downloadState sends a state's file.
func (s *Server) downloadState(c *call) error {
	form, ok := map[string]engine.StateType{"": engine.StateF32, "f32": engine.StateF32, "f16": engine.StateF16}[c.r.URL.Query().Get("type")]
	if !ok {
		return api.Invalidf("type", "want f32 or f16")
	}
	begin, err := s.o.Model.Named(c.tenant.Name, c.r.PathValue("name"))
	if err != nil {
		return blame(err, "")
	}
	defer begin.Release()
	h := c.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(s.o.Model.Layout().FileBytes(form), 10))
	if err := s.o.Model.Download(begin, c.w, form); err != nil { // nothing was written if the state does not fit the type
		return blame(err, "")
	}
	return nil
}

// forkState gives a state another name.
func (s *Server) forkState(c *call) error {
	r, err := decoded(c, rwkv.DecodeFork)
	if err != nil {
		return err
	}
	c.ignored(r.Ignored)
	n, err := s.o.Model.Names().Fork(c.tenant.Name, c.r.PathValue("name"), r.Name, ttl(r.TTL))
	if err != nil {
		return blame(&service.StateError{Err: err}, "to")
	}
	return c.answer(http.StatusCreated, rwkv.EncodeState(kept(n)))
}

// deleteState takes the name from a state.
func (s *Server) deleteState(c *call) error {
	name := c.r.PathValue("name")
	if err := s.o.Model.Names().Delete(c.tenant.Name, name); err != nil {
		return blame(&service.StateError{Err: err}, "")
	}
	return c.answer(http.StatusOK, rwkv.EncodeDeleted(name))
}
