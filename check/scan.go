package check

import (
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// scan counts numbers that are not finite.
type scan struct {
	name           string
	nan, inf, seen int64
	first          int64
}

func (s *scan) look(x []float32) {
	for i, v := range x {
		if float.Finite(v) {
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

// fault returns what is wrong with the tensor, or nil.
func (s *scan) fault() error {
	if s.nan+s.inf == 0 {
		return nil
	}
	return fmt.Errorf("tensor %q has %d NaN and %d infinite weights, the first at element %d", s.name, s.nan, s.inf, s.first)
}
