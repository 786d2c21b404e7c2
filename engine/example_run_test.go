package engine_test

import (
	"testing"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
)

func TestTheExampleRuns(t *testing.T) {
	ggmltest.RunExample(t, Example, "3 tokens, of 257 that there are\n")
}
