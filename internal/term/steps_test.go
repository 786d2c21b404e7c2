package term_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/term"
)

func TestStepsOfAShortJobPrintNothingElsewhereThanAtATerminal(t *testing.T) {
	var out strings.Builder
	s := term.NewSteps(&out, time.Now)
	s.Set("one", 1, 2)
	s.Set("one", 2, 2)
	s.Set("two", 1, 2)
	s.End()
	s.Set("three", 1, 2)
	s.End()
	s.End()
	assert.Empty(t, out.String())
}
