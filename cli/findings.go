package cli

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// findings collects what a check has to say. It may be used from many goroutines.
type findings struct {
	mu       sync.Mutex
	Problems []string `json:"problems"` // what is wrong
	Notes    []string `json:"notes"`    // what could not be checked, or is odd but allowed
}

func (f *findings) wrong(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Problems = append(f.Problems, excerpt.Lines(fmt.Sprintf(format, args...)))
}

// wrongs notes all of a list of errors.
func (f *findings) wrongs(list []error) {
	for _, err := range list {
		f.wrong("%v", err)
	}
}

func (f *findings) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if text := excerpt.Lines(fmt.Sprintf(format, args...)); !slices.Contains(f.Notes, text) {
		f.Notes = append(f.Notes, text)
	}
}

func (f *findings) print(w io.Writer, path string) error {
	for _, p := range f.Problems {
		fmt.Fprintf(w, "wrong: %s\n", p)
	}
	for _, n := range f.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	if len(f.Problems) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s: nothing is wrong\n", path)
	return err
}

// scan looks for numbers that are not finite.
type scan struct {
	name           string
	nan, inf, seen int64
	first          int64
}

func (s *scan) look(x []float32) {
	for i, v := range x {
		if v-v == 0 { // finite
			continue
		}
		if s.nan+s.inf == 0 {
			s.first = s.seen + int64(i)
		}
		if math.IsNaN(float64(v)) {
			s.nan++
		} else {
			s.inf++
		}
	}
	s.seen += int64(len(x))
}

func (s *scan) report(found *findings) {
	if s.nan+s.inf > 0 {
		found.wrong("tensor %q has %d NaN and %d infinite weights, the first at element %d", s.name, s.nan, s.inf, s.first)
	}
}
