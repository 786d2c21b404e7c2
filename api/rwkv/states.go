package rwkv

import (
	"math"
	"strconv"
	"time"

	"github.com/gosling-rwkv/gosling/api"
)

// CreateRequest is a request for a new state: the state after a conversation or a text. One of them is not nil.
type CreateRequest struct {
	Model        string // as the client names it; may be empty
	Conversation *api.Conversation
	Prompt       *api.Prompt
	Keep
	Ignored []string
}

// Keep says how a state is kept.
type Keep struct {
	Name string         // empty asks for an id only
	TTL  *time.Duration // how long it is kept, at least a second; nil follows the server
}

// DecodeCreate reads a request for a new state. Its errors are of type *api.Error.
func DecodeCreate(body []byte) (*CreateRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &CreateRequest{Prompt: o.Sequence("prompt"), Keep: Keep{TTL: ttl(o)}}
	api.Set(&r.Model, o.Text("model"))
	api.Set(&r.Name, o.Text("name"))
	switch messages := o.Value("messages") != nil; {
	case messages && r.Prompt != nil:
		o.Fail(api.Invalidf("prompt", "cannot stand together with messages: leave one of them out"))
	case messages:
		c := o.Conversation()
		r.Conversation = &c
	case r.Prompt == nil:
		o.Fail(api.Invalidf("messages", "is missing: want messages or a prompt"))
	case r.Prompt.Empty():
		o.Fail(api.Invalidf("prompt", "is empty"))
	}
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// ForkRequest is a request for another state that is equal to one.
type ForkRequest struct {
	Keep    // the name is not empty
	Ignored []string
}

// DecodeFork reads a request for an equal state. Its errors are of type *api.Error.
func DecodeFork(body []byte) (*ForkRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &ForkRequest{Keep: Keep{TTL: ttl(o)}}
	if api.Set(&r.Name, o.Text("to")); r.Name == "" {
		o.Fail(api.Invalidf("to", "is missing: want the name of the new state"))
	}
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// maxTTL is the longest time that a request may name.
const maxTTL = 100_000 * time.Hour

// ttl reads a time as ParseTTL does, also as a number.
func ttl(o *api.Object) *time.Duration {
	value := o.Value("ttl")
	if value == nil {
		return nil
	}
	if api.TypeOf(value) != "a string" {
		seconds := o.Number("ttl", 1, maxTTL.Seconds())
		if seconds == nil {
			return nil
		}
		d := time.Duration(*seconds * float64(time.Second))
		return &d
	}
	d, err := ParseTTL(*o.Text("ttl"))
	if err != nil {
		o.Fail(err)
		return nil
	}
	return &d
}

// ParseTTL reads a time that a state is kept: in seconds, or with units such as "90m".
func ParseTTL(text string) (time.Duration, *api.Error) {
	d, err := time.ParseDuration(text)
	if seconds, notSeconds := strconv.ParseFloat(text, 64); notSeconds == nil && math.Abs(seconds) <= 2*maxTTL.Seconds() {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d < time.Second || d > maxTTL {
		return 0, api.Invalidf("ttl", `want a number of seconds, or a time of at least a second such as "90m", and at most %v`, maxTTL)
	}
	return d, nil
}

// State describes a state that is kept.
type State struct {
	ID          string
	Name        string // empty if it has none
	Model       string
	Fingerprint string // of the model that it belongs to, in hexadecimal
	Tokens      int64  // that it has read
	Bytes       int64
	Created     time.Time
	Expires     time.Time // when it is dropped; zero is never
}

// wireState is a State as JSON.
type wireState struct {
	Object      string  `json:"object"`
	ID          string  `json:"id"`
	Name        *string `json:"name"`
	Model       string  `json:"model"`
	Fingerprint string  `json:"fingerprint"`
	Tokens      int64   `json:"tokens"`
	Bytes       int64   `json:"bytes"`
	Created     int64   `json:"created_at"`
	Expires     *int64  `json:"expires_at"`
}

func (s State) wire() wireState {
	w := wireState{"state", s.ID, nil, s.Model, s.Fingerprint, s.Tokens, s.Bytes, s.Created.Unix(), nil}
	if s.Name != "" {
		w.Name = &s.Name
	}
	if !s.Expires.IsZero() {
		expires := s.Expires.Unix()
		w.Expires = &expires
	}
	return w
}

// EncodeState returns the body of the response that describes a state.
func EncodeState(s State) []byte { return api.Encode(s.wire()) }

// EncodeStates returns the body of a list of states.
func EncodeStates(states []State) []byte {
	data := make([]wireState, len(states))
	for i, s := range states {
		data[i] = s.wire()
	}
	return api.Encode(struct {
		Object string      `json:"object"`
		Data   []wireState `json:"data"`
	}{"list", data})
}

// EncodeDeleted returns the body of the response that a state, named by its id or name, was deleted.
func EncodeDeleted(id string) []byte {
	return api.Encode(struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Deleted bool   `json:"deleted"`
	}{id, "state", true})
}
