package ggml_test

import (
	"testing"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
)

func TestTheExampleRuns(t *testing.T) { ggmltest.RunExample(t, Example, "[14 77]\n[1 4]\n") }
