package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/quant"
)

func sensitivityCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringSliceFlag{Name: "text", Aliases: []string{"f"}, Usage: "measure on the text in `FILE`, of a .jsonl the field \"text\" of each line; may be repeated"},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "write `FILE`; - is standard output, without the table", DefaultText: "MODEL-sensitivity.json"},
		&urfave.StringFlag{Name: "types", Usage: "round each kind to these `TYPES`", Value: "Q8_0,Q6_K,Q5_K,Q4_K,Q3_K,Q2_K"},
		&urfave.StringFlag{Name: "layer-type", Usage: "round each layer to `TYPE`", Value: "Q4_K"},
		&urfave.StringFlag{Name: "context", Aliases: []string{"c", "ctx"}, Usage: "cut texts into chunks of `N` tokens; several with commas", Value: "512"},
		&urfave.IntFlag{Name: "chunks", Usage: "measure the first `N` chunks of each text", DefaultText: "all"},
		importanceFlag(),
		&urfave.BoolFlag{Name: "allow-requantize", Usage: "take a model that is quantized already, and round only what becomes smaller", DisableDefaultText: true},
		&urfave.PathFlag{Name: "base-logits", Usage: "keep what the model says in `FILE`, or take it from there"},
		&urfave.PathFlag{Name: "work", Usage: "keep what is needed on the way in `DIR`", DefaultText: "a folder for temporary files"},
		&urfave.BoolFlag{Name: "resume", Usage: "go on with the same measurement, which was stopped", DisableDefaultText: true},
		jsonFlag(), forceFlag(),
	}
	return &urfave.Command{
		Name: "sensitivity", Usage: "measure which tensors of a model need their bits", ArgsUsage: "MODEL",
		Description: `Rounds one kind of tensor at a time, to each of some types, and then one layer at a time; measures the KL divergence
from the model as it is, and tells what each costs for the bytes it saves. "gosling quantize --target-bpw --sensitivity"
chooses types by the file. Start from the F16 or BF16 model. Every part is a pass over the text and a model written to
the working folder, some fifty for the kinds and one for each layer: a few --chunks tell the large differences.

Examples:
  gosling sensitivity model-F16.gguf --text calibration.txt --chunks 20
  gosling sensitivity model-F16.gguf --text en.txt --text code.txt --types Q6_K,Q4_K,IQ3_S --imatrix model-imatrix.gguf`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: sensitivity,
	}
}

func sensitivity(c *urfave.Context) error {
	r, types, layerType, err := sensitivityArguments(c)
	if err != nil {
		return err
	}
	path := c.Path("output")
	if path == "" {
		base := gguf.TrimPart(r.base)
		path = strings.TrimSuffix(base, filepath.Ext(base)) + "-sensitivity.json"
	}
	if err := tryOutputs(c, append(r.logitsOutputs(), output{path: path})...); err != nil {
		return err
	}
	file, err := openGGUF(r.base)
	if err != nil {
		return err
	}
	trials, result, err := quant.Trials(file, types, layerType)
	if err == nil {
		err = roundsWell(c, file)
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := r.readTexts(); err != nil {
		return err
	}
	if err := r.prepareWork(); err != nil {
		return err
	}
	defer r.leaveWork()
	if err := r.measureParts(trials, &result); err != nil {
		return r.stopped(err)
	}
	err = writeOutput(c, path, func(w io.Writer) error { return writeJSON(w, result) })
	if path == "-" {
		if err != nil && !errors.Is(err, syscall.EPIPE) {
			return r.stopped(err)
		}
		r.removeWork()
		return nil
	}
	if c.Bool("json") {
		err = errors.Join(err, writeJSON(c.App.Writer, result))
	} else {
		err = errors.Join(err, printSensitivity(c.App.Writer, result))
	}
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		return r.stopped(err)
	}
	r.removeWork()
	return nil
}

// roundsWell refuses a model that is rounded already, unless that is allowed.
func roundsWell(c *urfave.Context, file *gguf.File) error {
	for _, t := range file.Tensors() {
		if !slices.Contains([]gguf.Type{gguf.F32, gguf.F16, gguf.BF16}, t.Type) && !requantize(c, c.Args().First()) {
			return fmt.Errorf("%s: tensor %q is %s already: take the F16 model, or add --allow-requantize", file.Path(), t.Name, t.Type)
		}
	}
	return nil
}

// sensitivityArguments reads the flags into a comparison of the model with itself.
func sensitivityArguments(c *urfave.Context) (*comparison, []gguf.Type, gguf.Type, error) {
	switch {
	case c.NArg() != 1:
		return nil, nil, 0, misuse(c, "want MODEL, not %d arguments", c.NArg())
	case c.IsSet("chunks") && c.Int("chunks") < 1:
		return nil, nil, 0, misuse(c, "--chunks %d: want 1 or more", c.Int("chunks"))
	}
	r := &comparison{c: c, base: c.Args().First(), kldOnly: true}
	r.result.Base.Name = filepath.Base(r.base)
	var err error
	if r.texts, err = textNames(c, r.base, c.StringSlice("text")); err != nil {
		return nil, nil, 0, err
	}
	if len(r.texts) == 0 {
		return nil, nil, 0, misuse(c, "no text: name one with --text FILE")
	}
	if r.contexts, err = parseContexts(c); err != nil {
		return nil, nil, 0, err
	}
	var types []gguf.Type
	for word := range strings.SplitSeq(c.String("types"), ",") {
		typ, err := weightType(word)
		if err != nil {
			return nil, nil, 0, misuse(c, "--types: %v", err)
		}
		types = append(types, typ)
	}
	layerType, err := weightType(c.String("layer-type"))
	if err != nil {
		return nil, nil, 0, misuse(c, "--layer-type: %v", err)
	}
	if err := settleThreads(c); err != nil {
		return nil, nil, 0, err
	}
	if err := notStdout(c, "base-logits"); err != nil {
		return nil, nil, 0, err
	}
	r.importance, err = importance(c)
	return r, types, layerType, err
}

// weightType is a type that weights may have.
func weightType(name string) (gguf.Type, error) {
	typ, err := gguf.ParseType(strings.TrimSpace(name))
	if err == nil && !ggml.Multiplies(typ) {
		err = fmt.Errorf("%s is no type of weights", typ)
	}
	return typ, err
}

// measureParts measures the model, and then with each part rounded.
func (r *comparison) measureParts(trials []quant.Trial, result *quant.Sensitivity) error {
	if err := r.measureBase(); err != nil {
		return err
	}
	result.Model, result.Context = filepath.Base(r.base), r.contexts
	for _, text := range r.texts {
		result.Texts = append(result.Texts, filepath.Base(text))
	}
	if path := r.c.Path("imatrix"); path != "" {
		result.Imatrix = filepath.Base(path)
	}
	for _, col := range r.columns {
		result.Scored += col.Scored
	}
	begin := time.Now()
	for i, t := range trials {
		cand := candidate{name: t.Name(), how: quant.Retyping{Types: t.Types, Requant: true}}
		measured, err := r.candidate(cand)
		if err != nil {
			return err
		}
		part := withDivergence(t.Part, measured.Divergence)
		result.Parts = append(result.Parts, part)
		left := time.Since(begin) / time.Duration(i+1) * time.Duration(len(trials)-i-1)
		fmt.Fprintf(r.c.App.ErrWriter, "%d of %d: %s, KLD %.6f, %s saved, %s left\n", i+1, len(trials), part.Name(), part.KLD, bytesText(part.Saved), left.Round(time.Second))
	}
	return nil
}

// withDivergence is a part with the mean of what was measured in all columns.
func withDivergence(p quant.Part, columns []eval.Divergence) quant.Part {
	n, squares := float64(len(columns)), 0.0
	for _, d := range columns {
		p.KLD += float.Number(d.KLD.Value / n)
		p.SameTop += float.Number(d.SameTop.Value / n)
		squares += d.KLD.Error * d.KLD.Error
	}
	p.Error = float.Number(math.Sqrt(squares) / n)
	return p
}

// printSensitivity lists the parts, those that cost least for what they save first.
func printSensitivity(out io.Writer, s quant.Sensitivity) error {
	parts := slices.Clone(s.Parts)
	slices.SortStableFunc(parts, func(a, b quant.Part) int {
		if a.Layer < 0 != (b.Layer < 0) {
			return cmp.Compare(a.Layer, b.Layer)
		}
		return cmp.Compare(perMiB(a), perMiB(b))
	})
	return buffered(out, func(w io.Writer) error {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "PART\tTYPE\tTENSORS\tSAVED\tKLD\t±\tSAME TOP\tKLD/MIB")
		for i, p := range parts {
			if i > 0 && p.Layer >= 0 && parts[i-1].Layer < 0 {
				fmt.Fprintln(t)
			}
			name := p.Kind
			if name == "" {
				name = fmt.Sprintf("layer %d", p.Layer)
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%.6f\t%.6f\t%.2f %%\t%.3g\n", name, p.Type, p.Tensors, bytesText(p.Saved), p.KLD, p.Error, 100*p.SameTop, perMiB(p))
		}
		return t.Flush()
	})
}

func perMiB(p quant.Part) float.Number { return p.KLD / (float.Number(p.Saved) / (1 << 20)) }
