package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/anthropic"
)

// dialect is how an interface writes its errors. id is the request's.
type dialect struct {
	name   string
	status func(*api.Error) int
	body   func(e *api.Error, id string) []byte // of a response
	event  func(e *api.Error, id string) []byte // the last one of a stream
	ping   []byte                               // what says in a stream that the server is alive
}

// The dialects. OpenAI and llama.cpp write errors alike.
var (
	openAI   = &dialect{"openai", (*api.Error).Code, errorBody, errorEvent, comment}
	llamaCpp = &dialect{"llamacpp", (*api.Error).Code, errorBody, errorEvent, comment}
	own      = &dialect{"gosling", (*api.Error).Code, errorBody, errorEvent, comment} // what no other interface has
	claude   = &dialect{"anthropic", anthropic.Status, anthropic.EncodeError, anthropic.ErrorEvent, anthropic.Ping()}
)

// comment is an event that clients pass over.
var comment = []byte(": ping\n\n")

func errorBody(e *api.Error, _ string) []byte { return api.EncodeError(e) }

func errorEvent(e *api.Error, _ string) []byte { return api.Event(api.EncodeError(e)) }

// dialect returns how the client wants errors. Only clients of Anthropic's interface send its version, and they may also ask for models.
func (c *call) dialect() *dialect {
	switch {
	case c.r.Header.Get(anthropicVersion) != "":
		return claude
	case c.route != nil:
		return c.route.dialect
	}
	return openAI
}

// anthropicVersion is the header of all requests of Anthropic's clients.
const anthropicVersion = "Anthropic-Version"

// gone is the status in the log of requests whose client went away before it got an answer.
const gone = 499

// errGone cancels a call whose client went away or reads too slowly.
var errGone = errors.New("the client went away")

// refuse returns the error of a request that is not taken. Status 0 is that of the kind.
func refuse(kind api.Kind, status int, format string, args ...any) *api.Error {
	return &api.Error{Kind: kind, Status: status, Message: fmt.Sprintf(format, args...)}
}

// told returns what a client is told of an error of a handler, and whether that is all of it. Clients are told nothing of unexpected
// errors, because those may name files.
func (c *call) told(err error) (e *api.Error, all bool) {
	if errors.As(err, &e) {
		return e, true
	}
	if c.ctx.Err() != nil {
		if errors.As(context.Cause(c.ctx), &e) {
			return e, true
		}
		return &api.Error{Kind: api.Invalid, Status: gone, Message: errGone.Error()}, true
	}
	return c.internal(), false
}

// internal returns what clients are told of faults of this program.
func (c *call) internal() *api.Error {
	return refuse(api.Internal, 0, "internal error: the server's log says more about request %s", c.id)
}

// withoutPaths returns an error's message without the paths of files.
func withoutPaths(err error) string {
	var paths []string
	var one *fs.PathError
	if errors.As(err, &one) {
		paths = append(paths, one.Path)
	}
	var two *os.LinkError
	if errors.As(err, &two) {
		paths = append(paths, two.Old, two.New)
	}
	slices.SortFunc(paths, func(a, b string) int { return len(b) - len(a) }) // one may begin with the other
	text := err.Error()
	for _, path := range paths {
		text = strings.ReplaceAll(text, path, "a file")
	}
	return text
}
