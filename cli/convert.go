package cli

import (
	"fmt"
	"time"

	urfave "github.com/urfave/cli/v2"

	"gosling/convert"
	"gosling/quant"
)

func convertCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringFlag{Name: "type", Usage: "write the matrices as `TYPE`, such as BF16, Q8_0 or Q4_K_M", Value: "F16"},
		&urfave.PathFlag{Name: "vocab", Usage: "put in the vocabulary of `FILE`, an rwkv_vocab_*.txt or a .gguf", DefaultText: "World, for a model of its size"},
		&urfave.Float64Flag{Name: "group-norm-eps", Usage: "the `EPSILON` of the norm after the recurrence; only models trained with a divisor of their own have another", DefaultText: "64e-5"},
		threadsFlag(), forceFlag(),
	}
	return &urfave.Command{
		Name: "convert", Usage: "make a GGUF model of a .pth or .safetensors checkpoint, or a .bin of rwkv.cpp", ArgsUsage: "IN [OUT]",
		Description: `Writes the checkpoint, RWKV-4 to 7, as a GGUF file that Gosling runs, and llama.cpp too if it is RWKV-6 or 7: IN.pth
becomes IN-F16.gguf beside it, or what OUT says. IN may be a .pth, a .safetensors, the folder or index of a model in Hugging
Face's layout (with the names of transformers or flash-linear-attention), web-rwkv's .st, or rwkv.cpp's .bin. Any type of "gosling quantize --help" is written in one pass; those that ggml quantizes need its library. Norms and
other small tensors stay F32. The model's name, size and context come from the file's name, if it follows RWKV's rule.

Examples:
  gosling convert RWKV-x070-World-1.5B-v3-20250127-ctx4096.pth
  gosling convert --type q8_0 model.pth model.gguf
  gosling convert rwkv7-1.5B-world/
  gosling convert rwkv-cpp-model-FP16.bin`,
		Flags:  append(flags, ggmlFlags()...),
		Action: convertCheckpoint,
	}
}

func convertCheckpoint(c *urfave.Context) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return misuse(c, "want IN and perhaps OUT, not %d arguments", c.NArg())
	}
	mix, err := quant.ParseMix(c.String("type"))
	if err != nil {
		return misuse(c, "--type: %v", err)
	}
	if err := checkThreads(c); err != nil {
		return err
	}
	in, out := c.Args().Get(0), c.Args().Get(1)
	if out == "" {
		out = convert.DefaultOutput(in, mix)
	}
	o := convert.Options{Mix: mix, Vocab: c.Path("vocab"), Write: writeOptions(c), GroupNormEps: float32(c.Float64("group-norm-eps"))}
	show, end := progress(c.App.ErrWriter, "converting")
	o.Write.Progress = show
	begin := time.Now()
	result, err := convert.Run(c.Context, in, out, o)
	end()
	if err != nil {
		return err
	}
	for _, notice := range result.Notices {
		fmt.Fprintf(c.App.ErrWriter, "note: %s\n", notice)
	}
	return summary(c, result.Report, begin, fmt.Sprintf("%s, %d layers of %d channels", result.Arch.Name, result.Config.Layers, result.Config.Embed))
}

// writeOptions are what convert and quantize have in common.
func writeOptions(c *urfave.Context) quant.Options {
	return quant.Options{
		Force: c.Bool("force"), Threads: c.Int("threads"),
		Quantizer: func() (quant.Quantizer, error) { return openGGML(c, "cpu") },
	}
}

// summary is the last line of convert and quantize.
func summary(c *urfave.Context, r quant.Report, begin time.Time, what string) error {
	took := time.Since(begin)
	_, err := fmt.Fprintf(c.App.Writer, "%s: %s, %s parameters, %s (%.2f bits per weight), %.1f s, %s/s\n", r.Path, what, grouped(r.Elements()),
		bytesText(r.Size), r.BitsPerWeight(), took.Seconds(), bytesText(int64(float64(r.Size)/took.Seconds())))
	return err
}
