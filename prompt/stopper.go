package prompt

import (
	"fmt"
	"slices"
	"strings"
)

// Stopper watches streamed text for stop strings. It passes on text that cannot be part of a stop string and holds back text that
// may be the start of one. The result does not depend on how the text is split. It belongs to one goroutine at a time.
type Stopper struct {
	stops   []string
	held    string
	hit     string
	longest int
}

// NewStopper returns a Stopper for any number of stop strings. None may be empty.
func NewStopper(stops ...string) (*Stopper, error) {
	s := &Stopper{stops: slices.Clone(stops)}
	for i, stop := range stops {
		if stop == "" {
			return nil, fmt.Errorf("stop string %d of %d is empty and would stop before the first word: leave it out", i+1, len(stops))
		}
		s.longest = max(s.longest, len(stop))
	}
	return s, nil
}

// Push returns the text that can be emitted, and whether a stop string was found. The stop string that is complete first counts.
// Of several that end at the same place, the longest counts. Neither the stop string nor what follows is ever returned.
func (s *Stopper) Push(text string) (free string, stopped bool) {
	if s.hit != "" {
		return "", true
	}
	text = s.held + text
	if at, stop := s.find(text); stop != "" {
		s.held, s.hit = "", stop
		return text[:at], true
	}
	keep := s.startOfStop(text)
	s.held = strings.Clone(text[keep:])
	return text[:keep], false
}

// Flush returns the text that is still held back. Call it at the end of the text.
func (s *Stopper) Flush() string {
	held := s.held
	s.held = ""
	return held
}

// Hit returns the stop string that was found, or "".
func (s *Stopper) Hit() string { return s.hit }

// find returns the stop string that is complete first, and where it starts.
func (s *Stopper) find(text string) (at int, hit string) {
	for _, stop := range s.stops {
		i := strings.Index(text, stop)
		if i < 0 {
			continue
		}
		if end, best := i+len(stop), at+len(hit); hit == "" || end < best || end == best && i < at {
			at, hit = i, stop
		}
	}
	return at, hit
}

// startOfStop returns where the longest end of text starts that is also the start of a stop string.
func (s *Stopper) startOfStop(text string) int {
	for at := max(0, len(text)-s.longest+1); at < len(text); at++ {
		for _, stop := range s.stops {
			if strings.HasPrefix(stop, text[at:]) {
				return at
			}
		}
	}
	return len(text)
}
