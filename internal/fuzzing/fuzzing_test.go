package fuzzing

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// recorder keeps the failures of a test that is watched.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

var sink []byte

func TestMemoryIsBoundedByTheInput(t *testing.T) {
	for name, tc := range map[string]struct {
		size, perByte, allocates int
		fails                    bool
	}{
		"little memory":                {10, 1, 1 << 10, false},
		"much memory of a short input": {10, 1, 80 << 20, true},
		"much memory of a long input":  {20 << 20, 1, 80 << 20, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			end := Guard(r, tc.size, tc.perByte)
			sink = make([]byte, tc.allocates)
			end()
			assert.Equal(t, tc.fails, len(r.failures) > 0, r.failures)
			sink = nil
		})
	}
}
