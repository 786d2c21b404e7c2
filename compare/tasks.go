package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Names of tasks.
const (
	Lambada = "lambada" // the last word of each text
	MMLU    = "mmlu"    // questions with four answers
	Builtin = "tasks"   // small questions with one right answer; the program has some
)

// TaskNames returns the names of all tasks.
func TaskNames() []string { return []string{Lambada, MMLU, Builtin} }

// Task is a task and its data.
type Task struct {
	Name string // one of TaskNames
	Path string // path of a file, or of a folder for mmlu; empty for the questions in the program
	Data []byte // in UTF-8; nil reads Path
}

// TasksOptions say what Tasks asks a model.
type TasksOptions struct {
	lm.Options
	Model Model
	Task  Task
	Limit int // number of questions; 0 is all

	Answers string    // file for the answers; empty is none
	Resume  bool      // continue after the answers in the file
	Replace bool      // replace the file if it exists
	Out     io.Writer // gets the answers if Answers is empty; nil drops them

	Progress func(Event) // nil drops it; called by one goroutine at a time
}

// Tasks asks a model the questions of a task and returns how well it did. An existing answers file gives an ExistsError, unless
// Resume or Replace is set.
func Tasks(ctx context.Context, o TasksOptions) (TaskResult, error) {
	t := teller{o.Progress}
	if err := o.Task.check(); err != nil {
		return TaskResult{}, err
	}
	m, err := lm.Open(ctx, o.Model.Path, o.Options)
	if err != nil {
		return TaskResult{}, err
	}
	defer m.Close()
	questions, err := t.questions(ctx, m, o.Task, o.Limit)
	if err != nil {
		return TaskResult{}, err
	}
	a, err := o.open(headerOf(o.Task.Name, o.Model.label(), m), questions)
	if err != nil {
		return TaskResult{}, err
	}
	defer a.Close()
	if err := t.ask(ctx, m, o.Model.label(), a); err != nil {
		return TaskResult{}, fmt.Errorf("%v: %w", o.Model, err)
	}
	return eval.Grade(o.Task.Name, a.all), a.Close()
}

// check returns an error for an unknown task and for a task without data.
func (t Task) check() error {
	switch {
	case t.Name == Builtin || t.Name == Lambada && t.Data != nil:
		return nil
	case t.Name != Lambada && t.Name != MMLU:
		return fmt.Errorf("compare: unknown task %q: want one of %s", t.Name, strings.Join(TaskNames(), ", "))
	case t.Path == "":
		return fmt.Errorf("compare: no data for the task %s", t.Name)
	}
	return nil
}

// open opens or creates the answers file. Without one, it writes the answers to Out.
func (o *TasksOptions) open(of answersHeader, questions []eval.Question) (*answers, error) {
	switch {
	case o.Answers == "" && o.Out == nil:
		return &answers{questions: questions}, nil
	case o.Answers == "":
		a := &answers{out: o.Out, questions: questions}
		return a, a.write(of)
	}
	if _, err := os.Stat(o.Answers); err == nil && !o.Resume {
		if !o.Replace {
			return nil, &ExistsError{o.Answers}
		}
		if err := os.Truncate(o.Answers, 0); err != nil {
			return nil, err
		}
	}
	return resumeAnswers(o.Answers, of, questions)
}

// questions returns a task's questions. A limit above 0 is their maximum number.
func (t teller) questions(ctx context.Context, m *lm.Model, task Task, limit int) ([]eval.Question, error) {
	vocab, err := m.Tokenizer()
	if err == nil && vocab == nil {
		err = &NoTokenizerError{m.File().Path()}
	}
	if err != nil {
		return nil, err
	}
	var questions []eval.Question
	if task.Name == MMLU {
		questions, err = eval.MMLU(task.Path, func(file string) ([]byte, error) { return t.whole(ctx, Text{Path: file}) }, vocab)
	} else {
		questions, err = t.fromFile(ctx, m, task, vocab)
	}
	if limit > 0 {
		questions = eval.Sample(questions, limit)
	}
	return questions, err
}

// fromFile reads the questions of a task whose data are one file.
func (t teller) fromFile(ctx context.Context, m *lm.Model, task Task, vocab tokenizer.Tokenizer) (questions []eval.Question, err error) {
	data := demo.Tasks()
	if task.Path != "" || task.Data != nil {
		if data, err = t.whole(ctx, Text{Path: task.Path, Data: task.Data}); err != nil {
			return nil, err
		}
		if what := filekind.Recognize(data, "task"); what != "" {
			return nil, fmt.Errorf("%s: %s", task.Path, what)
		}
	}
	if task.Name == Builtin {
		questions, err = eval.Tasks(data, vocab, framing(m.Template()))
	} else {
		questions, err = eval.Lambada(data, vocab)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", task.Path, err)
	}
	return questions, err
}

// framing returns a function that puts a question and its answer into a template's form.
func framing(t prompt.Template) func(question, answer string) (string, string) {
	return func(question, answer string) (string, string) {
		asked := t.Ask(question, prompt.Think{})
		return t.Open("") + asked, strings.TrimPrefix(t.Answered(question, answer), asked)
	}
}

// ask asks a model the questions that have no answer yet.
func (t teller) ask(ctx context.Context, m *lm.Model, name string, a *answers) error {
	right, total := 0, 0
	for _, one := range a.all {
		if one.Correct {
			right++
		}
	}
	left := a.questions[len(a.all):]
	for _, q := range left {
		total += len(q.Prompt) + max(0, len(q.Answer)-1) // the model does not read the last token
	}
	line := t.reading(name, total)
	defer line.end()
	return eval.Ask(line.follow(ctx), m.Model, left, func(one eval.Answered) error {
		err := a.add(one)
		if one.Correct {
			right++
		}
		line.say("%d of %d questions, %.2f %% right", len(a.all), len(a.questions), 100*float64(right)/float64(len(a.all)))
		return err
	})
}

// tasks asks a model the questions of each task. It notes the answers under the model's ID.
func (r *run) tasks(ctx context.Context, m *lm.Model, name, id string) ([]TaskResult, error) {
	var done []TaskResult
	for i, task := range r.Tasks {
		questions, err := r.questions(ctx, m, task, r.Limit)
		if err != nil {
			return nil, err
		}
		a, err := resumeAnswers(r.note("%s-%s-%d.answers", id, task.Name, i), headerOf(task.Name, name, m), questions)
		if err != nil {
			return nil, err
		}
		err = r.ask(ctx, m, filepath.Base(name)+" on "+task.Name, a)
		if err = errors.Join(err, a.Close()); err != nil {
			return nil, err
		}
		done = append(done, eval.Grade(task.Name, a.all))
	}
	return done, nil
}

// WriteTask writes the result of a task for people.
func WriteTask(out io.Writer, t TaskResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "accuracy\t%.2f %% ± %.2f\n", 100*t.Accuracy.Value, 100*t.Accuracy.Error)
	fmt.Fprintf(w, "95 %% confidence\t%.2f to %.2f %%\n", 100*t.Low, 100*t.High)
	fmt.Fprintf(w, "perplexity\t%.4f ± %.4f\n", t.PPL.Value, t.PPL.Error)
	fmt.Fprintf(w, "right\t%s of %s\n", units.Grouped(int64(t.Correct)), units.Grouped(int64(t.Items)))
	for _, k := range t.Kinds {
		fmt.Fprintf(w, "  %s\t%d of %d\n", term.Visible(k.Name), k.Correct, k.Items)
	}
	return w.Flush()
}
