package engine_test

import (
	"testing"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
)

func TestTheExampleRuns(t *testing.T) {
	ggmltest.RunExample(t, Example, "took back 3 tokens\n")
}
