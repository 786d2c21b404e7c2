package cli

import (
	"fmt"
	"strconv"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/cmdline"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
)

func quantizeCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.BoolFlag{Name: "allow-requantize", Usage: "quantize tensors that are already quantized, which adds to their errors", DisableDefaultText: true},
		importanceFlag(), calibrationFlag(),
		overridesFlag(),
		&urfave.Float64Flag{Name: "target-bpw", Usage: "choose a type for each matrix so that the file has at most `BITS` per weight and loses the least", DefaultText: "none"},
		&urfave.PathFlag{Name: "sensitivity", Usage: "choose types by `FILE`, which \"gosling sensitivity\" wrote for this model"},
		threadsFlag("one for each usable processor"), forceFlag(),
	}
	return &urfave.Command{
		Name: "quantize", Usage: "make a GGUF model smaller", ArgsUsage: "IN [OUT] TYPE",
		Description: `Writes IN with its matrices as TYPE. Without OUT the file is written beside IN with TYPE in its name: model-F16.gguf
becomes model-Q4_K_M.gguf. Norms and other small tensors keep their precision. A table shows the type of each kind of
tensor, its size, and its root-mean-square error compared with IN.

` + cmdline.Wrap("TYPE is one of ", mixNames(), 100) + `

With --imatrix, elements are rounded according to how much the model uses them. The file loses less and stays the same
size. "gosling imatrix" makes the matrix, and types below Q2_K need it. Tensors it does not cover are rounded without it.

With --calibration, the columns of a matrix are rounded one after the other, and those that are left make up for the errors
so far. "gosling calibrate" makes the file. It takes the place of --imatrix, with which it cannot be combined.

In place of a TYPE, --target-bpw sets the size of the file, and --sensitivity tells what quantizing each part of this model
costs. Types are then assigned so that the predicted loss is the smallest.

Quantized tensors are refused without --allow-requantize. Only the built-in model, "demo", is exempt.

Examples:
  gosling quantize model-F16.gguf Q4_K_M
  gosling quantize demo out.gguf F16
  gosling quantize --threads 4 model-F16.gguf small.gguf q4_0
  gosling quantize --calibration model-calibration.gguf model-F16.gguf Q4_K_M
  gosling quantize --imatrix model-imatrix.gguf model-F16.gguf IQ3_XXS
  gosling quantize --tensor-type 'time_mix_(key|value)=q6_k' --tensor-type output=q8_0 model-F16.gguf Q4_K_M
  gosling quantize --target-bpw 4.5 --sensitivity model-F16-sensitivity.json model-F16.gguf`,
		Flags:  append(flags, ggmlFlags()...),
		Action: quantize,
	}
}

// mixNames lists the types that convert and quantize accept.
func mixNames() []string {
	var names []string
	for _, m := range quant.Mixes() {
		names = append(names, m.Name)
	}
	return names
}

func quantize(c *urfave.Context) error {
	job, err := quantizeArguments(c)
	defer func() { job.calibration.Close() }()
	if err != nil {
		return err
	}
	if err := guard(c).Separate(job.out); err != nil {
		return err
	}
	o := writeOptions(c)
	o.Measure = true
	o.Importance, o.Calibration = job.importance, job.calibration
	in, err := modelPath(c, job.in)
	if err != nil {
		return err
	}
	line := writing(c, "quantizing")
	o.Progress = line.Set
	begin := clock.Of(c.Context)()
	report, err := quant.Quantize(c.Context, in, job.out, job.how, o)
	line.End()
	if err != nil {
		return lm.Explain(in, err)
	}
	if job.in == demo.Name {
		fmt.Fprintf(c.App.ErrWriter, "note: the built-in model is already quantized to Q8_0, so its earlier loss remains\n")
	}
	noteRounding(c, report)
	if err := report.WriteKinds(c.App.Writer); err != nil {
		return err
	}
	return summary(c, report, begin, job.name)
}

// quantizing is what one run of the command does.
type quantizing struct {
	in, out string
	name    string // of the type, or of the budget
	how     quant.Retyping

	importance  *quant.Importance
	calibration *quant.Calibration
}

func quantizeArguments(c *urfave.Context) (job quantizing, err error) {
	args := c.Args().Slice()
	budgeted := c.IsSet("target-bpw") || c.IsSet("sensitivity")
	switch {
	case c.IsSet("target-bpw") != c.IsSet("sensitivity"):
		return job, misuse(c, "--target-bpw and --sensitivity need each other")
	case budgeted && (len(args) < 1 || len(args) > 2):
		return job, misuse(c, "with --target-bpw want IN and optionally OUT, not %d arguments", len(args))
	case !budgeted && (len(args) < 2 || len(args) > 3):
		return job, misuse(c, "want IN, optionally OUT, and TYPE, not %d arguments", len(args))
	}
	if err := settleThreads(c); err != nil {
		return job, err
	}
	job.in = args[0]
	if job.how.Overrides, err = overrides(c); err != nil {
		return job, err
	}
	if job.importance, job.calibration, err = roundBy(c); err != nil {
		return job, err
	}
	if budgeted {
		err = job.assign(c)
	} else if job.how.Mix, err = quant.ParseMix(args[len(args)-1]); err != nil {
		err = misuse(c, "%v", err)
	} else {
		job.name, args = job.how.Mix.Name, args[:len(args)-1]
	}
	job.how.Requant = requantize(c, job.in)
	job.out = quant.FileName(fileOf(job.in), job.name)
	if len(args) == 2 {
		job.out = args[1]
	}
	return job, err
}

// assign chooses types according to a file of sensitivities.
func (job *quantizing) assign(c *urfave.Context) error {
	target := c.Float64("target-bpw")
	if !(target > 0 && target <= 32) {
		return misuse(c, "--target-bpw %v: want bits per weight, such as 4.5", target)
	}
	s, err := quant.ReadSensitivity(c.Context, c.Path("sensitivity"))
	if err != nil {
		return err
	}
	file, err := openGGUF(c, job.in)
	if err != nil {
		return err
	}
	defer file.Close()
	a, err := s.Assign(file, quant.Budget{BPW: target, Overrides: job.how.Overrides, Importance: job.importance, Calibration: job.calibration})
	if err != nil {
		return err
	}
	job.name = strconv.FormatFloat(target, 'f', -1, 64) + "bpw"
	job.how.Types, job.how.Mix = a.Types, a.Mix
	_, err = fmt.Fprintf(c.App.Writer, "predicted KLD %.6f at %.2f bits per weight, if parts do not influence each other\n\n", a.KLD, 8*float64(a.Size)/float64(s.Parameters))
	return err
}

func overridesFlag() urfave.Flag {
	return &urfave.StringSliceFlag{Name: "tensor-type", Usage: "`PATTERN=TYPE`: matrices whose names match the regular expression get TYPE; may be repeated; the first match counts"}
}

// overrides parses --tensor-type.
func overrides(c *urfave.Context) (quant.Overrides, error) {
	var all quant.Overrides
	for _, text := range c.StringSlice("tensor-type") {
		o, err := quant.ParseOverride(text)
		if err != nil {
			return nil, misuse(c, "--tensor-type %v", err)
		}
		all = append(all, o)
	}
	return all, nil
}

func importanceFlag() urfave.Flag {
	return &urfave.PathFlag{Name: "imatrix", Usage: "round according to the importance matrix in `FILE`, made by \"gosling imatrix\" or llama-imatrix"}
}

// importance reads the file that --imatrix names.
func importance(c *urfave.Context) (*quant.Importance, error) {
	path := c.Path("imatrix")
	if path == "" {
		return nil, nil
	}
	m, err := imatrix.Read(path)
	if err != nil {
		return nil, err
	}
	return &quant.Importance{Path: path, Matrix: m}, nil
}

// roundBy opens what --imatrix or --calibration names. The caller closes it.
func roundBy(c *urfave.Context) (i *quant.Importance, by *quant.Calibration, err error) {
	if c.Path("imatrix") != "" && c.Path("calibration") != "" {
		return nil, nil, misuse(c, "--imatrix and --calibration cannot be combined: give one of the two")
	}
	if i, err = importance(c); err == nil {
		by, err = calibration(c)
	}
	return i, by, err
}

// noteRounding prints what an importance matrix or a calibration did not do.
func noteRounding(c *urfave.Context, r quant.Report) {
	for _, note := range r.Notes() {
		fmt.Fprintf(c.App.ErrWriter, "note: %s\n", note)
	}
}
