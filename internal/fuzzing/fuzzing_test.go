package fuzzing

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder records the failures of a watched test.
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

func TestTensorsAreAsTheInputSays(t *testing.T) {
	list := Tensors("a\nb\n", []byte{2<<2 | 2, 3, 5, 1}, []byte("12345678"))
	require.Len(t, list, 3)
	a, b, last := list[0], list[1], list[2]
	assert.Equal(t, Tensor{"a", []int64{3, 5}, 4, a.Data}, a)
	assert.Equal(t, Tensor{"b", []int64{0}, 1, b.Data}, b)
	assert.Equal(t, Tensor{"", nil, 1, last.Data}, last)
	got, err := io.ReadAll(io.NewSectionReader(a.Data, 0, 100))
	require.NoError(t, err)
	assert.Len(t, got, 60)
	assert.Equal(t, "1234567812", string(got[:10]))
}
