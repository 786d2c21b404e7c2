package chat

import (
	"strings"
	"unicode"

	"github.com/gosling-rwkv/gosling/prompt"
)

// Kind is the kind of a part of an answer.
type Kind string

// The kinds.
const (
	Thoughts Kind = "thoughts"
	Answer   Kind = "answer"
	Call     Kind = "call" // a function call, as JSON
)

// Part is a piece of an answer as it arrives. It contains no tags and no fences.
type Part struct {
	Kind Kind
	Text string
	At   int // where Text begins in all that the Splitter was given, in bytes
}

// The tags around thoughts.
const (
	openTag  = "<think"
	closeTag = "</think>"
)

// Splitter splits an answer into parts while it is generated. The result does not depend on how the answer is divided into
// pieces. White space before an answer or a call is dropped.
type Splitter struct {
	calls   bool
	state   state
	pending string // may be the start of a tag or a fence
	given   int    // bytes
}

// state is where in an answer the splitter is.
type state int

const (
	before   state = iota // nothing yet: an answer, a call or thoughts may follow
	opening               // after an opening tag without its ">"
	thinking              // in thoughts
	closing               // after a closing tag without its ">"
	saying                // in the answer
	fencing               // after the opening fence of a function call
	calling               // in a function call
)

// NewSplitter returns a splitter for an answer that begins with start.
func (f Format) NewSplitter(start prompt.Think) *Splitter {
	return &Splitter{calls: f.Calls, state: newState(start)}
}

// newState returns where in an answer its start leads.
func newState(start prompt.Think) state {
	switch {
	case ForcesCall(start):
		return fencing
	case strings.HasSuffix(start.Start, closeTag[:len(closeTag)-1]):
		return closing
	case strings.HasSuffix(start.Start, openTag):
		return opening
	case strings.Contains(start.Start, openTag):
		return thinking
	}
	return before
}

// Push takes the next piece of an answer and returns the parts that are certain so far.
func (s *Splitter) Push(piece string) []Part {
	s.pending += piece
	s.given += len(piece)
	var parts []Part
	for {
		at := s.given - len(s.pending)
		part, more := s.next()
		part.At = at
		if part.Text != "" {
			parts = append(parts, part)
		}
		if !more {
			return parts
		}
	}
}

// Flush returns the rest of the answer. Call it after the last piece.
func (s *Splitter) Flush() []Part {
	text := s.pending
	s.pending = ""
	if s.state == before {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	}
	if text == "" {
		return nil
	}
	return []Part{{s.kind(), text, s.given - len(text)}}
}

// Thinking reports whether the answer is in thoughts.
func (s *Splitter) Thinking() bool { return s.kind() == Thoughts }

func (s *Splitter) kind() Kind {
	switch s.state {
	case opening, thinking:
		return Thoughts
	case fencing, calling:
		return Call
	}
	return Answer
}

// next takes a part from the pending text. It reports whether another one may follow.
func (s *Splitter) next() (Part, bool) {
	switch s.state {
	case before:
		return Part{}, s.begin()
	case opening, closing:
		if s.pending == "" {
			return Part{}, false
		}
		s.pending = strings.TrimPrefix(s.pending, ">")
		s.state = map[state]state{opening: thinking, closing: before}[s.state]
		return Part{}, true
	case thinking:
		return s.until(mark{closeTag, before})
	case fencing:
		if s.pending = strings.TrimLeftFunc(s.pending, unicode.IsSpace); s.pending == "" {
			return Part{}, false
		}
		s.state = calling
		return Part{}, true
	case calling:
		return s.until(mark{prompt.CallEnd, before})
	}
	marks := []mark{{"\n" + openTag, opening}}
	if s.calls {
		marks = append(marks, mark{"\n" + prompt.Fence + "json", fencing})
	}
	return s.until(marks...)
}

// begin determines what the answer begins with. It reports whether the pending text was enough to tell.
func (s *Splitter) begin() bool {
	s.pending = strings.TrimLeftFunc(s.pending, unicode.IsSpace)
	if s.pending == "" {
		return false
	}
	marks := []mark{{openTag, opening}}
	if s.calls {
		marks = append(marks, mark{prompt.Fence + "json", fencing})
	}
	for _, m := range marks {
		if rest, ok := strings.CutPrefix(s.pending, m.text); ok {
			s.pending, s.state = rest, m.then
			return true
		}
		if strings.HasPrefix(m.text, s.pending) {
			return false
		}
	}
	s.state = saying
	return true
}

// mark is a string that ends a part, and the state that follows it.
type mark struct {
	text string
	then state
}

// until returns the pending text up to the first mark. Without a mark it returns all that cannot be the start of one.
func (s *Splitter) until(marks ...mark) (Part, bool) {
	kind, end, found := s.kind(), len(s.pending), mark{}
	for _, m := range marks {
		if i := strings.Index(s.pending, m.text); i >= 0 && i < end {
			end, found = i, m
		}
	}
	if found.text != "" {
		text := s.pending[:end]
		s.pending, s.state = s.pending[end+len(found.text):], found.then
		return Part{Kind: kind, Text: text}, true
	}
	for _, m := range marks {
		for n := min(len(m.text)-1, len(s.pending)); n > 0; n-- {
			if strings.HasSuffix(s.pending, m.text[:n]) {
				end = min(end, len(s.pending)-n)
				break
			}
		}
	}
	text := s.pending[:end]
	s.pending = s.pending[end:]
	return Part{Kind: kind, Text: text}, false
}
