package compare

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
)

// words are questions of lambada.
const words = `{"text": "the goose said to the gander"}
{"text": "let us fly away over the sea"}
{"text": "and the gander said my dear"}
`

// asked returns options that ask the base for words.
func (p place) asked() TasksOptions {
	return TasksOptions{Options: p.opts, Model: Model{Path: p.path("base.gguf")}, Task: Task{Name: Lambada, Data: []byte(words)}, Answers: p.path("answers.jsonl")}
}

func TestAnswersAreNotedAndGoOn(t *testing.T) {
	p := newPlace(t)
	ggmltest.NoLeaks(t)
	o := p.asked()
	o.Answers = p.path("whole.jsonl")
	whole, err := Tasks(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, []any{"lambada", 3}, []any{whole.Name, whole.Items})
	want, err := os.ReadFile(o.Answers)
	require.NoError(t, err)
	assert.Len(t, strings.Split(string(want), "\n"), 5, "a header, three answers, and the end")

	o = p.asked()
	o.Limit = 2
	part, err := Tasks(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, 2, part.Items)
	begun, err := os.ReadFile(o.Answers)
	require.NoError(t, err)
	p.file("answers.jsonl", string(begun)+`{"corr`) // an unfinished line
	o.Limit, o.Resume = 0, true
	var events log
	o.Progress = events.add
	again, err := Tasks(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, whole, again)
	got, err := os.ReadFile(o.Answers)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
	assert.Equal(t, []string{"base.gguf"}, events.steps)
	assert.Zero(t, events.open)
}

func TestAnswersThatAreThereAreReplacedIfTheOptionsSaySo(t *testing.T) {
	p := newPlace(t)
	o := p.asked()
	whole, err := Tasks(t.Context(), o)
	require.NoError(t, err)
	want, err := os.ReadFile(o.Answers)
	require.NoError(t, err)
	_, err = Tasks(t.Context(), o)
	var exists *ExistsError
	require.ErrorAs(t, err, &exists)
	o.Replace = true
	again, err := Tasks(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, whole, again)

	var out bytes.Buffer
	o.Answers, o.Out = "", &out
	_, err = Tasks(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, string(want), out.String())
}

func TestAnswersOfOtherQuestionsAreLeftAsTheyAre(t *testing.T) {
	p := newPlace(t)
	_, err := Tasks(t.Context(), p.asked())
	require.NoError(t, err)
	answers, err := os.ReadFile(p.path("answers.jsonl"))
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		file   string // content of the file; empty for the answers
		change func(*TasksOptions)
		want   string
	}{
		"fewer questions":              {"", func(o *TasksOptions) { o.Limit = 1 }, "line 3 answers more questions than the 1 asked: the limit or the data differ"},
		"other questions":              {"", func(o *TasksOptions) { o.Task.Data = []byte(strings.ReplaceAll(words, "fly", "walk")) }, "line 3 answers another question: the data, the template or the limit differ"},
		"another model":                {"", func(o *TasksOptions) { o.Model = p.quantized("q8.gguf", "q8_0") }, "holds answers of another model, base.gguf with other weights or settings"},
		"another task":                 {"", func(o *TasksOptions) { o.Task = Task{Name: Builtin} }, "holds answers of another task, lambada"},
		"a text":                       {"word", func(*TasksOptions) {}, "not an answers file"},
		"questions":                    {words, func(*TasksOptions) {}, "not an answers file"},
		"a line that is not an answer": {string(answers[:bytes.IndexByte(answers, '\n')+1]) + "7\n", func(*TasksOptions) {}, "line 2 is not an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			before := tc.file
			if before == "" {
				before = string(answers)
			}
			o := p.asked()
			o.Answers, o.Resume = p.file("kept.jsonl", before), true
			tc.change(&o)
			_, err := Tasks(t.Context(), o)
			require.ErrorContains(t, err, "kept.jsonl: "+tc.want)
			after, err := os.ReadFile(o.Answers)
			require.NoError(t, err)
			assert.Equal(t, before, string(after))
		})
	}
}

func TestTasksWithoutTheirData(t *testing.T) {
	p := newPlace(t)
	for name, tc := range map[string]struct {
		task Task
		want string
	}{
		"an unknown task":         {Task{Name: "hellaswag", Path: "."}, `unknown task "hellaswag": want one of lambada, mmlu, tasks`},
		"no words":                {Task{Name: Lambada}, "no data for the task lambada"},
		"no subjects":             {Task{Name: MMLU}, "no data for the task mmlu"},
		"a folder of other files": {Task{Name: MMLU, Path: p.dir}, "holds no SUBJECT_test.csv"},
		"a model":                 {Task{Name: Lambada, Path: p.path("base.gguf")}, "base.gguf: line 1: "},
		"no questions":            {Task{Name: Builtin, Path: p.file("empty.jsonl", "\n")}, "empty.jsonl: holds no questions"},
		"a missing file":          {Task{Name: Lambada, Path: "missing.jsonl"}, "missing.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			o := p.asked()
			o.Task, o.Answers = tc.task, ""
			_, err := Tasks(t.Context(), o)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestTheQuestionsInTheProgram(t *testing.T) {
	p := newPlace(t)
	o := p.asked()
	o.Task, o.Limit, o.Answers = Task{Name: Builtin}, 12, ""
	r, err := Tasks(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, 12, r.Items)
	assert.NotEmpty(t, r.Kinds)
}
