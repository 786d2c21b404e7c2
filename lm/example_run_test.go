package lm_test

import (
	"testing"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
)

func TestTheExampleRuns(t *testing.T) { ggmltest.RunExample(t, Example, "42\ns w a n\n") }

func TestTheExampleOfUndoRuns(t *testing.T) {
	ggmltest.RunExample(t, ExampleConversation_Undo, "true\n<nil>\n")
}

func TestTheExampleOfContinueRuns(t *testing.T) {
	ggmltest.RunExample(t, ExampleModel_Continue, " 42\n s w a n\n")
}
