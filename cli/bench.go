package cli

import (
	"slices"
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/term"
)

var benchFormats = []string{"md", "csv", "json"}

func benchCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringFlag{Name: "n-prompt", Aliases: []string{"p"}, Usage: "read prompts of `N` tokens; separate several sizes with commas; 0 is none", Value: "512"},
		&urfave.StringFlag{Name: "n-gen", Aliases: []string{"n"}, Usage: "generate `N` tokens; separate several numbers with commas; 0 is none", Value: "128"},
		&urfave.StringFlag{Name: "parallel", Aliases: []string{"npl"}, Usage: "measure `N` sequences side by side, as llama-batched-bench does; separate several numbers with commas"},
		&urfave.IntFlag{Name: "repetitions", Aliases: []string{"r"}, Usage: "measure each `N` times, after a warm-up run", Value: bench.DefaultRepetitions},
		&urfave.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "print the results as `FORMAT`: md, csv or json", Value: "md"},
	}
	return &urfave.Command{
		Name: "bench", Usage: "measure the speed of a model", ArgsUsage: "MODEL",
		Description: `Measures reading a prompt (pp) and generating (tg), in tokens per second with the standard deviation, as llama-bench
does. Also prints how long the model took to load, the peak memory, and the share of the memory bandwidth that
generating reaches. The bandwidth is measured on this machine with the same number of threads.

With --parallel, B sequences are read and continued side by side, with PP prompt tokens and TG generated tokens each.

Examples:
  gosling bench model.gguf
  gosling bench model.gguf --parallel 1,2,4,8,16 -p 128 -n 32
  gosling bench model.gguf -p 128,512 -n 64 -r 3 -t 2 -o json`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: benchModel,
	}
}

func benchModel(c *urfave.Context) error {
	o, err := benchOptions(c)
	if err != nil {
		return err
	}
	if o.Options, err = modelOptions(c); err != nil {
		return err
	}
	o.Name = c.Args().First()
	if o.Model, err = modelPath(c, o.Name); err != nil {
		return err
	}
	var line *term.Progress // of the test that runs
	o.Progress = func(p bench.Progress) {
		switch {
		case line == nil:
			line = term.NewReading(c.App.ErrWriter, clock.Of(c.Context), p.Test, int(p.Total))
		case p.Ended:
			line.End()
			line = nil
		default:
			line.Set(p.Done, p.Total)
		}
	}
	if o.Parallel != nil {
		results, err := bench.RunParallel(c.Context, o)
		return printResults(c, err, results, bench.WriteParallelText)
	}
	results, err := bench.Run(c.Context, o)
	return printResults(c, err, results, bench.WriteText)
}

// benchOptions returns the options that the flags set.
func benchOptions(c *urfave.Context) (o bench.Options, err error) {
	if c.NArg() != 1 {
		return o, misuse(c, "want one model, not %d arguments", c.NArg())
	}
	if !slices.Contains(benchFormats, c.String("output")) {
		return o, misuse(c, "--output %s: want one of %s", c.String("output"), strings.Join(benchFormats, ", "))
	}
	if o.Repetitions = c.Int("repetitions"); o.Repetitions < 1 {
		return o, misuse(c, "--repetitions %d: want 1 or more", o.Repetitions)
	}
	if o.Prompts, err = counts(c, "n-prompt"); err != nil {
		return o, err
	}
	if o.Gens, err = counts(c, "n-gen"); err != nil {
		return o, err
	}
	if len(o.Prompts)+len(o.Gens) == 0 {
		return o, misuse(c, "nothing to measure: both -p and -n are 0")
	}
	if c.IsSet("parallel") {
		o.Parallel, err = numbers(c, "parallel", 1, bench.MostSequences)
		o.Memory, _ = fit.FreeRAM() // 0 where the system does not tell
	}
	return o, err
}

// counts reads a list of numbers of tokens. It leaves out zeros.
func counts(c *urfave.Context, flag string) ([]int, error) {
	list, err := numbers(c, flag, 0, 1<<20)
	return slices.DeleteFunc(list, func(n int) bool { return n == 0 }), err
}

// numbers reads a list of numbers from least to most.
func numbers(c *urfave.Context, flag string, least, most int) ([]int, error) {
	var list []int
	for word := range strings.SplitSeq(c.String(flag), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < least || n > most {
			return nil, misuse(c, "--%s %q: want numbers from %d to %d", flag, word, least, most)
		}
		list = append(list, n)
	}
	return list, nil
}
