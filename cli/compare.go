package cli

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/internal/cmdline"
	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/quant"
)

func compareCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringSliceFlag{Name: "text", Aliases: []string{"f"}, Usage: "measure on the text in `FILE`; of a .jsonl file, on the field \"text\" of each line; may be repeated"},
		&urfave.StringFlag{Name: "context", Aliases: []string{"c", "ctx"}, Usage: "cut texts into chunks of `N` tokens; separate several sizes with commas", Value: "512"},
		&urfave.IntFlag{Name: "chunks", Usage: "measure the first `N` chunks of each text", DefaultText: "all"},
		&urfave.StringFlag{Name: "types", Usage: "quantize the base to these `TYPES`, such as Q8_0,Q4_K_M, as candidates; with +calibrated, such as Q4_K_M+calibrated, by --calibration"},
		&urfave.BoolFlag{Name: "keep", Usage: "keep the candidates made with --types, beside the base", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "allow-requantize", Usage: "accept a base that is already quantized", DisableDefaultText: true},
		importanceFlag(), calibrationFlag(),
		&urfave.PathFlag{Name: "base-logits", Usage: "write the base's logits to `FILE`, or read them if it exists"},
		&urfave.PathFlag{Name: "work", Usage: "keep temporary files in `DIR`", DefaultText: "the system's folder for them"},
		&urfave.BoolFlag{Name: "resume", Usage: "resume the same comparison after it was stopped", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "no-speed", Usage: "do not measure speed and memory", DisableDefaultText: true},
		&urfave.StringSliceFlag{Name: "eval", Usage: "also run the task `NAME`: lambada, mmlu or tasks; may be repeated"},
		&urfave.StringSliceFlag{Name: "file", Usage: "read the data of --eval from `FILE`, as \"gosling eval\" does"},
		&urfave.IntFlag{Name: "limit", Usage: "ask `N` questions of --eval, chosen as \"gosling eval\" does", DefaultText: "all"},
		jsonFlag(),
		&urfave.BoolFlag{Name: "csv", Usage: "print CSV, one row for each candidate and column", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "markdown", Usage: "print tables in Markdown", DisableDefaultText: true},
		&urfave.PathFlag{Name: "html", Usage: "also write a page with tables and plots to `FILE`; with - it goes to standard output, and no tables are printed"},
		forceFlag(),
	}
	return &urfave.Command{
		Name: "compare", Usage: "measure what a quantization costs", ArgsUsage: "BASE [CANDIDATE...]",
		Description: `Measures how far each candidate's predictions are from those of the base: perplexity, KL divergence, the change of the
right token's probability, and how often both find the same token most likely. Also measures size, speed and memory. The
definitions are those of llama-perplexity --kl-divergence. Each text with each context is a column. Candidates are files.
With --types, compare makes candidates and removes them after measuring.

Examples:
  gosling compare model-F16.gguf --types Q8_0,Q6_K,Q4_K_M --text wiki.test.raw
  gosling compare model-F16.gguf a.gguf b.gguf --text en.txt --text code.txt --context 512,4096
  gosling compare model-F16.gguf --types Q4_0 --text wiki.test.raw --eval lambada --file lambada_test.jsonl --html report.html`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: compareModels,
	}
}

// compareModels is the action of "compare".
func compareModels(c *urfave.Context) error {
	o, err := compareOptions(c)
	if err != nil {
		return err
	}
	outputs := append(logitsOutputs(&o.Setup), outfile.Output{Path: c.Path("html")})
	for _, cand := range o.Candidates {
		outputs = append(outputs, outfile.Output{Path: cand.Keep, Begun: o.Resume})
	}
	if err := guard(c).Try(outputs...); err != nil {
		return err
	}
	if o.Calibration, err = calibration(c); err != nil {
		return err
	}
	defer o.Calibration.Close()
	end, err := setUp(c, &o.Setup)
	if err != nil {
		return err
	}
	if o.Bench, err = measureSpeed(c); err != nil {
		return err
	}
	result, err := compare.Run(c.Context, o)
	end()
	if err != nil {
		return stopped(c, onOpening(c, err))
	}
	if err := printComparison(c, result.Comparison); err != nil && !errors.Is(err, syscall.EPIPE) { // the reader has seen enough
		return stopped(c, result.Keep(err))
	}
	warnOfNotes(c, result.Remove())
	return nil
}

// compareOptions returns the options that the flags set. setUp adds the others.
func compareOptions(c *urfave.Context) (o compare.Options, err error) {
	if err := checkCompare(c); err != nil {
		return o, err
	}
	if o.Setup, err = measuredOn(c); err != nil {
		return o, err
	}
	for _, name := range c.Args().Tail() {
		cand := compare.Candidate{Model: compare.Model{Name: name}}
		if cand.Path, err = modelPath(c, name); err != nil {
			return o, err
		}
		o.Candidates = append(o.Candidates, cand)
	}
	for word := range strings.SplitSeq(c.String("types"), ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		name, rounding, calibrated := strings.Cut(word, "+")
		if calibrated && !strings.EqualFold(rounding, "calibrated") {
			return o, misuse(c, "--types %s: want TYPE or TYPE+calibrated", word)
		}
		if calibrated && !c.IsSet("calibration") {
			return o, misuse(c, "--types %s needs --calibration FILE", word)
		}
		mix, err := quant.ParseMix(name)
		if err != nil {
			return o, misuse(c, "%v", err)
		}
		if word = mix.Name; calibrated {
			word += "+calibrated"
		}
		cand := compare.Candidate{Model: compare.Model{Name: word}, Calibrated: calibrated, How: quant.Retyping{Mix: mix, Requant: requantize(c, o.Base.Name)}}
		if c.Bool("keep") {
			cand.Keep = quant.FileName(fileOf(o.Base.Name), word)
		}
		o.Candidates = append(o.Candidates, cand)
	}
	o.Limit, o.NoSpeed, o.Force = c.Int("limit"), c.Bool("no-speed"), c.Bool("force")
	o.Tasks, err = compareTasks(c)
	return o, err
}

func checkCompare(c *urfave.Context) error {
	formats := 0
	for _, name := range []string{"json", "csv", "markdown"} {
		if c.Bool(name) {
			formats++
		}
	}
	switch {
	case c.NArg() == 0:
		return misuse(c, "no base named")
	case c.NArg() == 1 && c.String("types") == "":
		return misuse(c, "nothing to compare with: name candidates, or make them with --types")
	case c.IsSet("calibration") && !strings.Contains(strings.ToLower(c.String("types")), "+calibrated"):
		return misuse(c, "--calibration needs --types with +calibrated: it applies to these candidates")
	case c.String("types") == "" && c.IsSet("imatrix"):
		return misuse(c, "--imatrix needs --types: it applies to the candidates made with them")
	case c.Path("html") == "-" && formats > 0:
		return misuse(c, "--html - takes standard output, where --json, --csv and --markdown print: name a file for the page")
	case formats > 1:
		return misuse(c, "choose one of --json, --csv and --markdown")
	case c.IsSet("limit") && c.Int("limit") < 1:
		return misuse(c, "--limit %d: want 1 or more", c.Int("limit"))
	}
	return nil
}

// compareTasks pairs the tasks with their data.
func compareTasks(c *urfave.Context) (tasks []compare.Task, err error) {
	names, files := c.StringSlice("eval"), c.StringSlice("file")
	builtin := len(names) - len(files) // that many use the questions in the program
	for _, name := range names {
		task := compare.Task{Name: name}
		if !slices.Contains(compare.TaskNames(), name) {
			return nil, noTask(c, name)
		}
		if builtin > 0 && name == compare.Builtin {
			builtin--
		} else if len(files) > 0 {
			task.Path, files = files[0], files[1:]
			if _, err := os.Stat(task.Path); err != nil {
				return nil, err
			}
		} else {
			builtin = -1
		}
		tasks = append(tasks, task)
	}
	if builtin != 0 {
		return nil, misuse(c, "%d tasks and %d sets of data: give each --eval a --file; only tasks works without one", len(names), len(c.StringSlice("file")))
	}
	return tasks, nil
}

// measureSpeed returns the command that runs "gosling bench" with the flags for running a model.
func measureSpeed(c *urfave.Context) (*compare.Command, error) {
	if c.Bool("no-speed") {
		return nil, nil
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"gosling", "bench", "-p", strconv.Itoa(compare.SpeedPrompt), "-n", strconv.Itoa(compare.SpeedGen), "-r", strconv.Itoa(compare.SpeedRepetitions), "-o", "json"}
	args = append(args, cmdline.Given(c, "device", "ggml", "cpu-variant", "kernels", "threads", "gpu-layers", "no-mmap")...)
	return &compare.Command{Path: program, Args: append(args, "--")}, nil
}
