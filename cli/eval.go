package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

var taskNames = []string{"lambada", "mmlu", builtinTask}

// builtinTask is the one whose questions are in the program.
const builtinTask = "tasks"

func evalCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "file", Usage: "take the data of lambada from `FILE`, lambada_test.jsonl, those of mmlu from a folder of its CSV files, and for tasks other questions than those in the program"},
		&urfave.IntFlag{Name: "limit", Usage: "ask `N` questions, equally many of each subject or kind, the first of each", DefaultText: "all"},
		&urfave.PathFlag{Name: "answers", Usage: "note each answer in `FILE`, a line of JSON each; - is standard output, and the result goes to standard error"},
		&urfave.BoolFlag{Name: "resume", Usage: "go on after the answers that are in the file of --answers", DisableDefaultText: true},
		jsonFlag(), forceFlag(),
	}
	return &urfave.Command{
		Name: "eval", Usage: "measure a model by a task", ArgsUsage: "lambada|mmlu|tasks MODEL",
		Description: `lambada asks for the last word of each text: right if all its tokens are the likeliest ones, and the perplexity is that of
a word. mmlu asks questions with four answers in RWKV's own form and compares the letters' probabilities. tasks asks
small questions with one right answer, in the form of the model's conversations, and wants it word for word; there are
questions in the program, which the model "demo" can answer, or --file has lines of JSON with task, question and
answer. Prints the share of right answers with its 95 % confidence interval.

Examples:
  gosling eval tasks demo
  gosling eval lambada model.gguf --file lambada_test.jsonl
  gosling eval mmlu model.gguf --file mmlu/test --answers mmlu.jsonl --resume`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: evalTask,
	}
}

func evalTask(c *urfave.Context) error {
	name := c.Args().First()
	switch {
	case c.NArg() != 2:
		return misuse(c, "want a task and a model, not %d arguments", c.NArg())
	case !slices.Contains(taskNames, name):
		return misuse(c, "no task %q: there is %s", name, strings.Join(taskNames, ", "))
	case c.Path("file") == "" && name != builtinTask:
		return misuse(c, "no data: name them with --file")
	case c.IsSet("limit") && c.Int("limit") < 1:
		return misuse(c, "--limit %d: want 1 or more", c.Int("limit"))
	case c.Bool("resume") && c.Path("answers") == "":
		return misuse(c, "--resume goes on from a file of answers: name it with --answers")
	case c.Bool("resume") && c.Path("answers") == "-":
		return misuse(c, "--resume goes on from a file of answers, which standard output is not")
	case c.Bool("json") && c.Path("answers") == "-":
		return misuse(c, "--answers - takes standard output, where --json prints: name a file for the answers")
	}
	if err := separate(c, c.Path("answers")); err != nil {
		return err
	}
	path := c.Args().Get(1)
	m, err := openModel(c, path)
	if err != nil {
		return err
	}
	defer m.Close()
	questions, err := readTask(c, m, name, c.Path("file"), c.Int("limit"))
	if err != nil {
		return err
	}
	notes, err := openAnswers(c, headerOf(name, filepath.Base(path), m), questions)
	if err != nil {
		return err
	}
	defer notes.Close()
	if err := askAll(c, m, path, questions, notes); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	task := eval.Grade(name, notes.all)
	if c.Bool("json") {
		return writeJSON(c.App.Writer, task)
	}
	if c.Path("answers") == "-" {
		return printTask(c.App.ErrWriter, task)
	}
	return printTask(c.App.Writer, task)
}

// readTask reads a task's questions, at most limit unless that is 0.
func readTask(c *urfave.Context, m *lm.Model, name, path string, limit int) ([]eval.Question, error) {
	vocab, err := m.Tokenizer()
	if err == nil && vocab == nil {
		err = fmt.Errorf("%s: holds no tokenizer, so nothing can be asked: convert it again with --vocab", m.File().Path())
	}
	if err != nil {
		return nil, err
	}
	var questions []eval.Question
	if name == "mmlu" {
		questions, err = eval.MMLU(path, func(file string) ([]byte, error) { return readWhole(c, file, textLimit) }, vocab)
	} else {
		questions, err = readQuestions(c, m, name, path, vocab)
	}
	if limit > 0 {
		questions = eval.Sample(questions, limit)
	}
	return questions, err
}

// readQuestions reads those of a task that is one file.
func readQuestions(c *urfave.Context, m *lm.Model, name, path string, vocab tokenizer.Tokenizer) (questions []eval.Question, err error) {
	data := demo.Tasks()
	if path != "" {
		if data, err = readWhole(c, path, textLimit); err != nil {
			return nil, err
		}
		if what := filekind.Recognize(data, "task"); what != "" {
			return nil, fmt.Errorf("%s: %s", path, what)
		}
	}
	if name == builtinTask {
		questions, err = eval.Tasks(data, vocab, framing(m.Template()))
	} else {
		questions, err = eval.Lambada(data, vocab)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return questions, err
}

// framing puts a question and its answer into a template's form.
func framing(t prompt.Template) func(question, answer string) (string, string) {
	return func(question, answer string) (string, string) {
		asked := t.Ask(question, prompt.Think{})
		return t.Open("") + asked, strings.TrimPrefix(t.Answered(question, answer), asked)
	}
}

func askAll(c *urfave.Context, m *lm.Model, name string, questions []eval.Question, notes *answers) error {
	right, total := 0, 0
	for _, a := range notes.all {
		if a.Correct {
			right++
		}
	}
	for _, q := range questions[len(notes.all):] {
		total += len(q.Prompt) + max(0, len(q.Answer)-1) // the last token is not read
	}
	line := newRunning(c.App.ErrWriter, clockOf(c), filepath.Base(name), tokensRead, int64(total))
	defer line.end()
	return eval.Ask(line.follow(c.Context), m.Model, questions[len(notes.all):], func(a eval.Answered) error {
		err := notes.add(a)
		if a.Correct {
			right++
		}
		line.say("%d of %d questions, %.2f %% right", len(notes.all), len(questions), 100*float64(right)/float64(len(notes.all)))
		return err
	})
}

func printTask(out io.Writer, t eval.Task) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "accuracy\t%.2f %% ± %.2f\n", 100*t.Accuracy.Value, 100*t.Accuracy.Error)
	fmt.Fprintf(w, "95 %% confidence\t%.2f to %.2f %%\n", 100*t.Low, 100*t.High)
	fmt.Fprintf(w, "perplexity\t%.4f ± %.4f\n", t.PPL.Value, t.PPL.Error)
	fmt.Fprintf(w, "right\t%s of %s\n", grouped(int64(t.Correct)), grouped(int64(t.Items)))
	for _, k := range t.Kinds {
		fmt.Fprintf(w, "  %s\t%d of %d\n", term.Visible(k.Name), k.Correct, k.Items)
	}
	return w.Flush()
}
