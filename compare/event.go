package compare

import (
	"context"
	"fmt"

	"github.com/gosling-rwkv/gosling/engine"
)

// Event reports the progress of a step, a measurement or a note.
type Event struct {
	Step        string // such as "Q4_K_M on book.txt in chunks of 512"; empty for measurements and notes
	Bytes       bool   // the step writes bytes; other steps read tokens
	Done, Total int64  // of bytes or tokens; Total is 0 if it is not known yet
	News        string // results so far, such as "PPL 5.1234 ± 0.0567"
	Ended       bool   // the step is over

	Measured string // a line about a measurement
	Note     string // a remark, such as one about a text's encoding
}

// teller passes events on.
type teller struct{ each func(Event) }

func (t teller) tell(e Event) {
	if t.each != nil {
		t.each(e)
	}
}

// remark passes a note on.
func (t teller) remark(format string, args ...any) {
	t.tell(Event{Note: fmt.Sprintf(format, args...)})
}

// step is a running step. The caller must end it.
type step struct {
	teller
	now Event
}

// reading begins a step that reads the given number of tokens.
func (t teller) reading(name string, tokens int) *step {
	s := &step{t, Event{Step: name, Total: int64(tokens)}}
	s.tell(s.now)
	return s
}

// writing begins a step that writes bytes.
func (t teller) writing(name string) *step {
	s := &step{t, Event{Step: name, Bytes: true}}
	s.tell(s.now)
	return s
}

// follow returns a context that makes the engine count the tokens it reads.
func (s *step) follow(ctx context.Context) context.Context {
	return engine.WithProgress(ctx, func(tokens int) { s.set(s.now.Done+int64(tokens), s.now.Total) })
}

// set sets the progress of the step.
func (s *step) set(done, total int64) {
	s.now.Done, s.now.Total = done, total
	s.tell(s.now)
}

// say sets the results so far.
func (s *step) say(format string, args ...any) {
	s.now.News = fmt.Sprintf(format, args...)
	s.tell(s.now)
}

// end ends the step. It is safe to call twice.
func (s *step) end() {
	if !s.now.Ended {
		s.now.Ended = true
		s.tell(s.now)
	}
}
