package eval_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestLambadaAsksForTheLastWord(t *testing.T) {
	questions, err := eval.Lambada([]byte("{\"text\": \"the goose said gander\"}\n\n{\"text\": \"to the sea\"}\n"), tokenizer.World())
	require.NoError(t, err)
	require.Len(t, questions, 2)
	assert.Equal(t, tokenizer.EndOfText, questions[0].Prompt[0])
	assert.Equal(t, "the goose said", string(tokenizer.World().Decode(questions[0].Prompt)))
	assert.Equal(t, " gander", string(tokenizer.World().Decode(questions[0].Answer)))
	for data, want := range map[string]string{
		"":                          "holds no questions",
		"{\"text\": \"word\"}":      "line 1: its \"text\" has no last word",
		"{\"text\": \"word \"}":     "line 1: its \"text\" has no last word",
		"{\"text\": \"a b\"}\n{bad": "line 2: ",
		"{\"words\": \"a b\"}":      "line 1: its \"text\" has no last word",
	} {
		_, err := eval.Lambada([]byte(data), tokenizer.World())
		require.ErrorContains(t, err, want)
	}
	data, err := os.ReadFile(golden.Path(t, "lambada_test.jsonl"))
	require.NoError(t, err)
	questions, err = eval.Lambada(data, tokenizer.World())
	require.NoError(t, err)
	assert.Len(t, questions, 1000)
}

const anatomy = `"Which bird, of these, is a ""goose""?",Anser,Corvus,"Larus
major",Pica,A
What flies?,a stone,a goose,a tree,a fish,B
`

func TestMMLUWritesQuestionsInRWKVsForm(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "test"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "test", "bird_anatomy_test.csv"), []byte(anatomy), 0o600))
	questions, err := eval.MMLU(dir, os.ReadFile, tokenizer.World())
	require.NoError(t, err)
	require.Len(t, questions, 2)
	assert.Equal(t, "User: You are a very talented expert in bird anatomy. Answer this question:\nWhich bird, of these, is a \"goose\"?\n"+
		"A. Anser\nB. Corvus\nC. Larus\nmajor\nD. Pica\n\nAssistant: The answer is", string(tokenizer.World().Decode(questions[0].Prompt)))
	assert.Equal(t, tokenizer.EndOfText, questions[1].Prompt[0])
	assert.Equal(t, []int{0, 1}, []int{questions[0].Right, questions[1].Right})
	assert.Equal(t, " A B C D", string(tokenizer.World().Decode(questions[0].Choices)))
	_, err = eval.MMLU(dir, os.ReadFile, tokenizer.Bytes())
	require.ErrorContains(t, err, "no token for \" A\"")
	_, err = eval.MMLU(t.TempDir(), os.ReadFile, tokenizer.World())
	require.ErrorContains(t, err, "holds no SUBJECT_test.csv")
	for row, want := range map[string]string{"q,a,b,c,d,E\n": "line 1: the right answer is \"E\"", "q,a,b\n": "wrong number of fields"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "test", "bird_anatomy_test.csv"), []byte(row), 0o600))
		_, err = eval.MMLU(dir, os.ReadFile, tokenizer.World())
		require.ErrorContains(t, err, want)
	}
}

func TestAnswersAreWhatTheLogitsSay(t *testing.T) {
	m := model(t, "F32")
	x := text(t, 700).Tokens
	questions := []eval.Question{
		{Prompt: x[:30], Answer: x[30:34]},
		{Prompt: x[:600], Answer: x[600:601]},
		{Prompt: x[:40], Choices: []tokenizer.Token{50, 60, 70, 80}, Right: 2},
	}
	last := rows(t, m, x[:30])[29]
	likeliest := tokenizer.Token(0)
	for i, v := range last {
		if v > last[likeliest] {
			likeliest = tokenizer.Token(i)
		}
	}
	questions = append(questions, eval.Question{Prompt: x[:30], Answer: []tokenizer.Token{likeliest}})
	var answers []eval.Answered
	require.NoError(t, eval.Ask(t.Context(), m, questions, func(a eval.Answered) error {
		answers = append(answers, a)
		return nil
	}))
	require.Len(t, answers, 4)
	for i, q := range questions[:2] {
		sum := 0.0
		all := rows(t, m, append(append([]tokenizer.Token(nil), q.Prompt...), q.Answer...))
		for k, token := range q.Answer {
			sum += logProb(all[len(q.Prompt)-1+k], token)
		}
		assert.InDelta(t, sum, float64(answers[i].LogProb), 1e-3)
		assert.False(t, answers[i].Correct)
	}
	row := rows(t, m, x[:40])[39]
	best := 0
	for i, c := range questions[2].Choices {
		if row[c] > row[questions[2].Choices[best]] {
			best = i
		}
	}
	assert.Equal(t, best == 2, answers[2].Correct)
	assert.InDelta(t, logProb(row, 70), float64(answers[2].LogProb), 1e-3)
	assert.True(t, answers[3].Correct)
}

func TestGradesOfKnownAnswers(t *testing.T) {
	answers := []eval.Answered{{Correct: true, LogProb: -1}, {LogProb: -3}, {Correct: true, LogProb: -2}, {LogProb: -2}}
	g := eval.Grade("task", answers)
	assert.Equal(t, 2, g.Correct)
	assert.InDelta(t, 0.5, g.Accuracy.Value, 1e-9)
	assert.InDelta(t, math.Sqrt(0.25/3), g.Accuracy.Error, 1e-9)
	assert.InDelta(t, math.Exp(2), g.PPL.Value, 1e-9)
	assert.InDelta(t, 0.1500, float64(g.Low), 1e-4)
	assert.InDelta(t, 0.8500, float64(g.High), 1e-4)
	assert.False(t, math.Signbit(float64(eval.Grade("task", answers[1:2]).Low)), "-0.00 %")
}
