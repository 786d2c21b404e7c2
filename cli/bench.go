package cli

import (
	"io"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/term"
)

var benchFormats = []string{"md", "csv", "json", "jsonl"}

func benchCommand() *urfave.Command {
	list := func(name, short, usage, byDefault string) urfave.Flag {
		return &urfave.StringSliceFlag{Name: name, Aliases: strings.Fields(short), Usage: usage + "; a list such as 1,2,4 or 1-8*2, or the flag again, for several", DefaultText: byDefault}
	}
	flags := []urfave.Flag{
		list("n-prompt", "p", "read prompts of `N` tokens; 0 is none", "512"),
		list("n-gen", "n", "generate `N` tokens; 0 is none", "128"),
		list("pg", "", "read a prompt and generate after it, as `P,G`", "none"),
		list("parallel", "npl", "measure `N` sequences side by side, as llama-batched-bench does", "none"),
		list("threads", "t", "compute on `N` threads, at most one for each usable processor", "one for each usable performance core"),
		&urfave.IntFlag{Name: "repetitions", Aliases: []string{"r"}, Usage: "measure each `N` times, after a warm-up run", Value: bench.DefaultRepetitions},
		&urfave.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "print the results as `FORMAT`: md, csv, json or jsonl, with llama-bench's names of fields", Value: "md"},
	}
	others := slices.DeleteFunc(modelFlags(), func(f urfave.Flag) bool { return f.Names()[0] == "threads" })
	return &urfave.Command{
		Name: "bench", Usage: "measure the speed of models", ArgsUsage: "MODEL...",
		Description: `Measures reading a prompt (pp) and generating (tg), in tokens per second with the standard deviation, as llama-bench
does. Also prints how long the model took to load, the peak memory, and the share of the memory bandwidth that
generating reaches. The bandwidth is measured on this machine with the same number of threads.

With --parallel, B sequences are read and continued side by side, with PP prompt tokens and TG generated tokens each.

Examples:
  gosling bench model.gguf
  gosling bench model-Q4_K_M.gguf model-Q8_0.gguf -t 2,4,8 -p 128 -n 32
  gosling bench model.gguf -p 0 -n 0 -pg 512,128 -pg 64,64
  gosling bench model.gguf --parallel 1,2,4,8,16 -p 128 -n 32
  gosling bench model.gguf -p 128,512 -n 64 -r 3 -t 2 -o jsonl`,
		Flags:  slices.Concat(flags, others),
		Action: benchModels,
	}
}

func benchModels(c *urfave.Context) error {
	o, threads, err := benchOptions(c)
	if err != nil {
		return err
	}
	var list []bench.Model
	for _, name := range c.Args().Slice() {
		path, err := modelPath(c, name)
		if err != nil {
			return err
		}
		list = append(list, bench.Model{Path: path, Name: name})
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
		var all []bench.ParallelResult
		err := bench.EachParallel(c.Context, list, threads, o, gather(c, &all))
		return printResults(c, err, all, bench.WriteParallelText)
	}
	var all []bench.Result
	err = bench.Each(c.Context, list, threads, o, gather(c, &all))
	return printResults(c, err, all, bench.WriteText)
}

// gather collects results, and prints those that are printed line by line at once.
func gather[R bench.Result | bench.ParallelResult](c *urfave.Context, all *[]R) func([]R) error {
	return func(results []R) error {
		*all = append(*all, results...)
		if c.String("output") != "jsonl" {
			return nil
		}
		return outfile.Buffered(c.App.Writer, func(w io.Writer) error { return bench.WriteLines(w, results) })
	}
}

// benchOptions returns the options that the flags set, and the numbers of threads.
func benchOptions(c *urfave.Context) (o bench.Options, threads []int, err error) {
	if c.NArg() == 0 {
		return o, nil, misuse(c, "no model named")
	}
	if !slices.Contains(benchFormats, c.String("output")) {
		return o, nil, misuse(c, "--output %s: want one of %s", c.String("output"), strings.Join(benchFormats, ", "))
	}
	if o.Options, err = openingOptions(c); err != nil {
		return o, nil, err
	}
	if o.Repetitions = c.Int("repetitions"); o.Repetitions < 1 {
		return o, nil, misuse(c, "--repetitions %d: want 1 or more", o.Repetitions)
	}
	if c.IsSet("pg") {
		if o.Pairs, err = bench.ParsePairs(strings.Join(c.StringSlice("pg"), ","), mostTokens); err != nil {
			return o, nil, misuse(c, "-pg %v", err)
		}
	}
	read := func(flag, byDefault string, least, most int) (list []int) {
		text := byDefault
		if c.IsSet(flag) {
			text = strings.Join(c.StringSlice(flag), ",")
		}
		if text == "" || err != nil {
			return nil
		}
		if list, err = bench.ParseList(text, least, most); err != nil {
			err = misuse(c, "--%s %v", flag, err)
		}
		return list
	}
	zero := func(n int) bool { return n == 0 }
	o.Prompts = slices.DeleteFunc(read("n-prompt", "512", 0, mostTokens), zero)
	o.Gens = slices.DeleteFunc(read("n-gen", "128", 0, mostTokens), zero)
	if o.Parallel = read("parallel", "", 1, bench.MostSequences); o.Parallel != nil {
		o.Memory, _ = fit.FreeRAM() // 0 where the system does not tell
	}
	for _, n := range read("threads", "", 1, maxThreads) {
		threads = append(threads, fewerThreads(c, n))
	}
	if err == nil && len(o.Prompts)+len(o.Gens)+len(o.Pairs) == 0 {
		err = misuse(c, "nothing to measure: both -p and -n are 0")
	}
	return o, threads, err
}

// mostTokens is the largest number of tokens of a test.
const mostTokens = 1 << 20
