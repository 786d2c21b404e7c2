package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
)

func evalCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "file", Usage: "read the questions from `FILE`: lambada_test.jsonl for lambada, a folder of CSV files for mmlu, lines of JSON for tasks, which also has built-in questions"},
		&urfave.IntFlag{Name: "limit", Usage: "ask `N` questions: the first of each subject or kind, equally many of each", DefaultText: "all"},
		&urfave.PathFlag{Name: "answers", Usage: "write each answer to `FILE` as a line of JSON; with - the answers go to standard output and the result to standard error"},
		&urfave.BoolFlag{Name: "resume", Usage: "continue after the answers in the file of --answers", DisableDefaultText: true},
		jsonFlag(), forceFlag(),
	}
	return &urfave.Command{
		Name: "eval", Usage: "measure how well a model does a task", ArgsUsage: "lambada|mmlu|tasks MODEL",
		Description: `lambada asks for the last word of each text. An answer is right if all its tokens are the most likely ones. The
perplexity is that of a word. mmlu asks questions with four answers in RWKV's own form, and compares the probabilities
of the letters. tasks asks small questions with one right answer, in the form of the model's conversations. The answer
must match word for word. The model "demo" can answer the built-in questions of tasks. With --file, tasks reads
questions from lines of JSON with task, question and answer.

Prints the share of right answers with its 95 % confidence interval.

Examples:
  gosling eval tasks demo
  gosling eval lambada model.gguf --file lambada_test.jsonl
  gosling eval mmlu model.gguf --file mmlu/test --answers mmlu.jsonl --resume`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: evalTask,
	}
}

func evalTask(c *urfave.Context) error {
	if err := checkEval(c); err != nil {
		return err
	}
	if err := guard(c).Separate(c.Path("answers")); err != nil {
		return err
	}
	o, err := evalOptions(c)
	if err != nil {
		return err
	}
	out := c.App.Writer
	if o.Answers == "-" {
		o.Answers, o.Out, out = "", c.App.Writer, c.App.ErrWriter
	}
	var end func()
	o.Progress, end = follow(c)
	task, err := compare.Tasks(c.Context, o)
	end()
	if err != nil {
		return noAnswers(onOpening(c, err))
	}
	if c.Bool("json") {
		return jsontext.Write(out, task)
	}
	return compare.WriteTask(out, task)
}

func checkEval(c *urfave.Context) error {
	name := c.Args().First()
	switch {
	case c.NArg() != 2:
		return misuse(c, "want a task and a model, not %d arguments", c.NArg())
	case !slices.Contains(compare.TaskNames(), name):
		return noTask(c, name)
	case c.Path("file") == "" && name != compare.Builtin:
		return misuse(c, "no data: name a file with --file")
	case c.IsSet("limit") && c.Int("limit") < 1:
		return misuse(c, "--limit %d: want 1 or more", c.Int("limit"))
	case c.Bool("resume") && c.Path("answers") == "":
		return misuse(c, "--resume needs a file of answers: name it with --answers")
	case c.Bool("resume") && c.Path("answers") == "-":
		return misuse(c, "--resume needs a file of answers: standard output is not one")
	case c.Bool("json") && c.Path("answers") == "-":
		return misuse(c, "--answers - takes standard output, where --json prints: name a file for the answers")
	}
	return nil
}

func noTask(c *urfave.Context, name string) error {
	return misuse(c, "unknown task %q: want one of %s", name, strings.Join(compare.TaskNames(), ", "))
}

func evalOptions(c *urfave.Context) (o compare.TasksOptions, err error) {
	o = compare.TasksOptions{
		Task:  compare.Task{Name: c.Args().First(), Path: c.Path("file")},
		Limit: c.Int("limit"), Answers: c.Path("answers"), Resume: c.Bool("resume"), Replace: c.Bool("force"),
	}
	o.Model.Name = c.Args().Get(1)
	if o.Options, err = modelOptions(c); err != nil {
		return o, err
	}
	if o.Model.Path, err = modelPath(c, o.Model.Name); err != nil || o.Task.Path != "-" || o.Task.Name == compare.MMLU {
		return o, err
	}
	o.Task.Data, err = readWhole(c, "-", textLimit)
	return o, err
}

// noAnswers adds the flags that help to an error of package compare.
func noAnswers(err error) error {
	var exists *compare.ExistsError
	if errors.As(err, &exists) {
		return fmt.Errorf("%w: add --resume to continue it, or --force to start over", err)
	}
	return advised(err)
}
