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
)

// dialect is how an interface writes its errors.
type dialect struct {
	name  string
	body  func(*api.Error) []byte // of a response
	event func(*api.Error) []byte // the last one of a stream
}

// The dialects. OpenAI and llama.cpp write errors alike.
var (
	openAI   = &dialect{"openai", api.EncodeError, errorEvent}
	llamaCpp = &dialect{"llamacpp", api.EncodeError, errorEvent}
	own      = &dialect{"gosling", api.EncodeError, errorEvent} // what no other interface has
)

func errorEvent(e *api.Error) []byte { return api.Event(api.EncodeError(e)) }

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
