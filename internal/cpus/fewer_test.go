package cpus

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestThreadsAreNoMoreThanProcessors(t *testing.T) {
	desktop := Processors{Allowed: 16, Cores: 8, Fast: 8}
	for name, tc := range map[string]struct {
		asked int
		of    Processors
		want  int
		note  string
	}{
		"as many as processors": {16, desktop, 16, ""},
		"one more":              {17, desktop, 16, "computing on 16 threads, not on 17: this process may use 16 processors, "},
		"more than a quota":     {4, Processors{Allowed: 16, Cores: 8, Fast: 8, Quota: 0.5}, 1, "computing on 1 thread, not on 4: this process may use 1 processor, "},
	} {
		t.Run(name, func(t *testing.T) {
			n, note := tc.of.Fewer(tc.asked)
			assert.Equal(t, tc.want, n)
			assert.Equal(t, tc.note == "", note == "")
			assert.Contains(t, note, tc.note)
		})
	}
}
