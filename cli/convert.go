package cli

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/checkpoint/dialect"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/quant"
)

func convertCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringFlag{Name: "type", Usage: "write the matrices as `TYPE`, such as BF16, Q8_0 or Q4_K_M", Value: "F16"},
		&urfave.PathFlag{Name: "vocab", Usage: "include the vocabulary in `FILE`: an rwkv_vocab_*.txt or its JSON form, a tokenizer.json or a .gguf", DefaultText: "chosen by the vocabulary's size"},
		&urfave.Float64Flag{Name: "group-norm-eps", Usage: "the `EPSILON` of the norm after the recurrence; only models trained with a divisor of their own need it", DefaultText: "from config.json, or 64e-5"},
		&urfave.StringFlag{Name: "dialect", Usage: "the `LAYOUT` of IN, if the file does not tell: pth for the authors' layout, or web-rwkv, also for Ai00", DefaultText: "found from the tensors"},
		&urfave.StringSliceFlag{Name: "lora", Usage: "merge the LoRA adapter in `FILE` or PEFT's folder; may be repeated"},
		&urfave.Float64Flag{Name: "lora-alpha", Usage: "the `ALPHA` that the adapters were trained with", DefaultText: "from adapter_config.json beside them"},
		&urfave.PathFlag{Name: "lora-init", Usage: "the `FILE` with the initial values of a PiSSA adapter (init_pissa.pth)"},
		&urfave.PathFlag{Name: "merge-state", Usage: "put the tuned state in `FILE` into the model, so that its texts begin with it"},
		stateTransposeFlag(), importanceFlag(), calibrationFlag(), overridesFlag(), threadsFlag("one for each usable processor"), forceFlag(),
	}
	return &urfave.Command{
		Name: "convert", Usage: "convert a .pth or .safetensors checkpoint, or rwkv.cpp's .bin, to GGUF", ArgsUsage: "IN [OUT]",
		Description: `Writes an RWKV-4 to RWKV-7 checkpoint as a GGUF file for Gosling. llama.cpp also runs the files of RWKV-6 and RWKV-7.
Without OUT, IN.pth becomes IN-F16.gguf beside it. IN may be a .pth, a .safetensors, the folder or index of a model in
Hugging Face's layout (with the names of transformers or flash-linear-attention), web-rwkv's .st, or rwkv.cpp's .bin.
Any type of "gosling quantize --help" is written in one pass. Types that ggml quantizes need its library. Norms and
other small tensors stay F32. LoRA adapters are merged, and a tuned state becomes what the model's texts begin with.
The model's name, size and context come from the file's name, if it follows RWKV's naming rule.

Examples:
  gosling convert RWKV-x070-World-1.5B-v3-20250127-ctx4096.pth
  gosling convert --type q8_0 model.pth model.gguf
  gosling convert rwkv7-1.5B-world/
  gosling convert --lora rwkv-lora.pth --lora-alpha 32 model.pth tuned.gguf
  gosling convert --merge-state rwkv-state.pth --type q4_k_m model.pth
  gosling convert rwkv-cpp-model-FP16.bin`,
		Flags:  append(flags, ggmlFlags()...),
		Action: convertCheckpoint,
	}
}

func convertCheckpoint(c *urfave.Context) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return misuse(c, "want IN and optionally OUT, not %d arguments", c.NArg())
	}
	in, out := c.Args().Get(0), c.Args().Get(1)
	if in == demo.Name {
		return misuse(c, "the built-in demo model is already GGUF: write it with \"gosling quantize demo OUT.gguf TYPE\"")
	}
	o, err := conversion(c)
	if err != nil {
		return err
	}
	defer o.Write.Calibration.Close()
	if out == "" {
		out = convert.DefaultOutput(in, o.Mix)
	}
	if err := guard(c).Separate(out); err != nil {
		return err
	}
	line := writing(c, "converting")
	o.Write.Progress = line.Set
	begin := clock.Of(c.Context)()
	result, err := convert.Run(c.Context, in, out, o)
	line.End()
	if err != nil {
		return err
	}
	for _, notice := range result.Notices {
		fmt.Fprintf(c.App.ErrWriter, "note: %s\n", excerpt.Lines(notice.Text+noticeFlags[notice.Option]))
	}
	noteRounding(c, result.Report)
	return summary(c, result.Report, begin, fmt.Sprintf("%s, %d layers of %d channels", result.Arch.Name, result.Config.Layers, result.Config.Embed))
}

// noticeFlags are added to a notice. They name the flag of the option that the notice is about.
var noticeFlags = map[convert.Option]string{
	convert.Vocab:       "; name one with --vocab",
	convert.AdapterInit: "; PiSSA needs --lora-init",
}

// conversion returns the options that the flags ask for.
func conversion(c *urfave.Context) (convert.Options, error) {
	mix, err := quant.ParseMix(c.String("type"))
	if err != nil {
		return convert.Options{}, misuse(c, "--type: %v", err)
	}
	o := convert.Options{
		Mix: mix, Vocab: c.Path("vocab"), Write: writeOptions(c), GroupNormEps: float32(c.Float64("group-norm-eps")), Dialect: c.String("dialect"),
		State: convert.State{Path: c.Path("merge-state"), Transposed: stateTransposed(c)},
	}
	if !slices.Contains([]string{"", dialect.PTH, dialect.WebRWKV}, o.Dialect) {
		return o, misuse(c, "--dialect %s: want %s or %s", o.Dialect, dialect.PTH, dialect.WebRWKV)
	}
	if err := settleThreads(c); err != nil {
		return o, err
	}
	if o.Overrides, err = overrides(c); err != nil {
		return o, err
	}
	if o.Adapters, err = adapters(c); err != nil {
		return o, err
	}
	o.Write.Importance, o.Write.Calibration, err = roundBy(c)
	return o, err
}

// adapters returns the adapters that the flags name.
func adapters(c *urfave.Context) ([]convert.Adapter, error) {
	var list []convert.Adapter
	for _, path := range c.StringSlice("lora") {
		list = append(list, convert.Adapter{Path: path, Alpha: c.Float64("lora-alpha"), Init: c.Path("lora-init")})
	}
	switch {
	case len(list) == 0 && (c.IsSet("lora-alpha") || c.IsSet("lora-init")):
		return nil, misuse(c, "--lora-alpha and --lora-init need a --lora FILE")
	case len(list) > 1 && c.IsSet("lora-init"):
		return nil, misuse(c, "--lora-init works with only one --lora FILE")
	case c.IsSet("lora-alpha") && !(c.Float64("lora-alpha") > 0):
		return nil, misuse(c, "--lora-alpha %v: want a positive number", c.Float64("lora-alpha"))
	case c.IsSet("lora-alpha") && c.IsSet("lora-init"):
		return nil, misuse(c, "--lora-alpha cannot be combined with --lora-init: PiSSA's pairs have no scale")
	}
	return list, nil
}

// writeOptions returns the options that all commands share that write models. A command that also runs models has --device, and
// opens the library for that device.
func writeOptions(c *urfave.Context) quant.Options {
	device := cmp.Or(c.String("device"), "cpu")
	return quant.Options{
		Force: c.Bool("force"), Threads: c.Int("threads"),
		Quantizer: func() (quant.Quantizer, error) { return openGGML(c, device) },
	}
}

// summary prints the last line of convert and quantize.
func summary(c *urfave.Context, r quant.Report, begin time.Time, what string) error {
	took := clock.Of(c.Context).Since(begin)
	_, err := fmt.Fprintf(c.App.Writer, "%s: %s, %s parameters, %s (%.2f bits per weight), %.1f s, %s\n", r.Path, what, units.Grouped(r.Elements()),
		units.Bytes(r.Size), r.BitsPerWeight(), took.Seconds(), units.ByteRate(float.Rate(float64(r.Size), took)))
	return err
}
