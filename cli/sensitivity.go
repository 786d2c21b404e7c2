package cli

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/outfile"
)

func sensitivityCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringSliceFlag{Name: "text", Aliases: []string{"f"}, Usage: "measure on the text in `FILE`; of a .jsonl file, on the field \"text\" of each line; may be repeated"},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the result to `FILE`; with - it goes to standard output, and no table is printed", DefaultText: "MODEL-sensitivity.json"},
		&urfave.StringFlag{Name: "types", Usage: "round each kind to these `TYPES`", Value: "Q8_0,Q6_K,Q5_K,Q4_K,Q3_K,Q2_K"},
		&urfave.StringFlag{Name: "layer-type", Usage: "round each layer to `TYPE`", Value: "Q4_K"},
		&urfave.StringFlag{Name: "context", Aliases: []string{"c", "ctx"}, Usage: "cut texts into chunks of `N` tokens; separate several sizes with commas", Value: "512"},
		&urfave.IntFlag{Name: "chunks", Usage: "measure the first `N` chunks of each text", DefaultText: "all"},
		importanceFlag(),
		&urfave.BoolFlag{Name: "allow-requantize", Usage: "accept a model that is already quantized, and round only tensors that become smaller", DisableDefaultText: true},
		&urfave.PathFlag{Name: "base-logits", Usage: "write the model's logits to `FILE`, or read them if it exists"},
		&urfave.PathFlag{Name: "work", Usage: "keep temporary files in `DIR`", DefaultText: "the system's folder for them"},
		&urfave.BoolFlag{Name: "resume", Usage: "resume the same measurement after it was stopped", DisableDefaultText: true},
		jsonFlag(), forceFlag(),
	}
	return &urfave.Command{
		Name: "sensitivity", Usage: "measure which tensors of a model need their bits", ArgsUsage: "MODEL",
		Description: `Rounds one kind of tensor at a time to each of --types, and then one layer at a time to --layer-type. Measures the KL
divergence from the unchanged model, and prints what each part costs for the bytes that it saves. "gosling quantize
--target-bpw --sensitivity" chooses types by the file. Start from the F16 or BF16 model. Each part needs a pass over the
text and a model in the working folder. There are about fifty parts for the kinds and one for each layer. A few --chunks
are enough to see large differences.

Examples:
  gosling sensitivity model-F16.gguf --text calibration.txt --chunks 20
  gosling sensitivity model-F16.gguf --text en.txt --text code.txt --types Q6_K,Q4_K,IQ3_S --imatrix model-imatrix.gguf`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: sensitivity,
	}
}

func sensitivity(c *urfave.Context) error {
	o, err := sensitivityOptions(c)
	if err != nil {
		return err
	}
	path := c.Path("output")
	if path == "" {
		base := gguf.TrimPart(fileOf(o.Base.Name))
		path = strings.TrimSuffix(base, filepath.Ext(base)) + "-sensitivity.json"
	}
	if err := guard(c).Try(append(logitsOutputs(&o.Setup), outfile.Output{Path: path})...); err != nil {
		return err
	}
	end, err := setUp(c, &o.Setup)
	if err != nil {
		return err
	}
	result, err := compare.Sensitivity(c.Context, o)
	end()
	if err != nil {
		return stopped(c, onOpening(c, err))
	}
	err = writeOutput(c, path, func(w io.Writer) error { return jsontext.Write(w, result.Sensitivity) })
	switch {
	case path == "-":
	case c.Bool("json"):
		err = errors.Join(err, jsontext.Write(c.App.Writer, result.Sensitivity))
	default:
		err = errors.Join(err, outfile.Buffered(c.App.Writer, result.Sensitivity.WriteTable))
	}
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		return stopped(c, result.Keep(err))
	}
	warnOfNotes(c, result.Remove())
	return nil
}

// sensitivityOptions returns the options that the flags set. setUp adds the others.
func sensitivityOptions(c *urfave.Context) (o compare.SensitivityOptions, err error) {
	if c.NArg() != 1 {
		return o, misuse(c, "want MODEL, not %d arguments", c.NArg())
	}
	if o.Setup, err = measuredOn(c); err != nil {
		return o, err
	}
	for word := range strings.SplitSeq(c.String("types"), ",") {
		typ, err := compare.WeightType(strings.TrimSpace(word))
		if err != nil {
			return o, misuse(c, "--types: %v", err)
		}
		o.Types = append(o.Types, typ)
	}
	if o.LayerType, err = compare.WeightType(strings.TrimSpace(c.String("layer-type"))); err != nil {
		return o, misuse(c, "--layer-type: %v", err)
	}
	o.Requantize = requantize(c, o.Base.Name)
	return o, nil
}
