package eval_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func framed(question, answer string) (string, string) {
	return "User: " + question + "\n\nAssistant:", " " + answer + "\n\n"
}

func TestTasksAreAskedInAConversationsForm(t *testing.T) {
	questions, err := eval.Tasks([]byte(`{"task":"add","question":"1 + 2","answer":"3"}

{"task":"last","question":"Last word: a b","answer":"b"}`), tokenizer.Bytes(), framed)
	require.NoError(t, err)
	require.Len(t, questions, 2)
	assert.Equal(t, "add", questions[0].Kind)
	assert.Equal(t, tokenizer.EndOfText, questions[0].Prompt[0])
	assert.Equal(t, "User: 1 + 2\n\nAssistant:", string(tokenizer.Bytes().Decode(questions[0].Prompt)))
	assert.Equal(t, " b\n\n", string(tokenizer.Bytes().Decode(questions[1].Answer)))
	for data, want := range map[string]string{
		"\n":               "holds no questions",
		`{"question":"a"}`: `line 1: it has no "question" or no "answer"`,
		`{"answer":"a"}`:   `line 1: it has no "question" or no "answer"`,
		"[1]":              "line 1: ",
	} {
		_, err := eval.Tasks([]byte(data), tokenizer.Bytes(), framed)
		require.ErrorContains(t, err, want)
	}
}

func TestGradesCountEachKind(t *testing.T) {
	g := eval.Grade("tasks", []eval.Answered{{Kind: "add", Correct: true}, {Kind: "last"}, {Kind: "add"}})
	assert.Equal(t, []eval.Kind{{Name: "add", Items: 2, Correct: 1}, {Name: "last", Items: 1}}, g.Kinds)
	assert.Empty(t, eval.Grade("mmlu", []eval.Answered{{Correct: true}}).Kinds)
}

func FuzzTasks(f *testing.F) {
	f.Add([]byte(`{"task":"add","question":"1 + 2","answer":"3"}`))
	f.Add([]byte("{\"question\":\"\\ud800\",\"answer\":\"\\u0000\"}\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		questions, err := eval.Tasks(data, tokenizer.Bytes(), framed)
		if err == nil {
			require.NotEmpty(t, questions)
		}
		for _, q := range questions {
			require.NotEmpty(t, q.Answer)
		}
	})
}
