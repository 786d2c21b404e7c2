package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	urfave "github.com/urfave/cli/v2"

	"gosling/imatrix"
	"gosling/quant"
)

func quantizeCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.BoolFlag{Name: "allow-requantize", Usage: "quantize again what is quantized already, which adds up errors", DisableDefaultText: true},
		importanceFlag(),
		&urfave.StringSliceFlag{Name: "tensor-type", Usage: "`PATTERN=TYPE`: the matrices with names that match the regular expression get TYPE; may be given again, and the first that matches holds"},
		threadsFlag(), forceFlag(),
	}
	return &urfave.Command{
		Name: "quantize", Usage: "make a GGUF model smaller", ArgsUsage: "IN [OUT] TYPE",
		Description: `Writes IN with its matrices as TYPE. Without OUT the file lies beside IN and has TYPE in its name: model-F16.gguf becomes
model-Q4_K_M.gguf. Norms and other small tensors keep their precision. A table tells for each kind of tensor its type,
its size, and the root-mean-square error against IN.

TYPE is one of ` + wrapNames(mixNames(), 100) + `

With --imatrix, elements are rounded by how much the model uses them, which costs nothing but the time to make the file
with "gosling imatrix" and loses less; types below Q2_K need it. Tensors that it says nothing of are rounded without.

Examples:
  gosling quantize model-F16.gguf Q4_K_M
  gosling quantize --threads 4 model-F16.gguf small.gguf q4_0
  gosling quantize --imatrix model-imatrix.gguf model-F16.gguf IQ3_XXS
  gosling quantize --tensor-type 'time_mix_(key|value)=q6_k' --tensor-type output=q8_0 model-F16.gguf Q4_K_M`,
		Flags:  append(flags, ggmlFlags()...),
		Action: quantize,
	}
}

// mixNames lists the types that convert and quantize take.
func mixNames() []string {
	var names []string
	for _, m := range quant.Mixes() {
		names = append(names, m.Name)
	}
	return names
}

// wrapNames joins names to lines of about the given length.
func wrapNames(names []string, length int) string {
	var b strings.Builder
	at := len("TYPE is one of ")
	for i, name := range names {
		if i > 0 && at+len(name) > length {
			b.WriteString("\n")
			at = 0
		} else if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(name)
		at += len(name) + 1
	}
	return b.String()
}

func quantize(c *urfave.Context) error {
	if c.NArg() < 2 || c.NArg() > 3 {
		return misuse(c, "want IN, perhaps OUT, and TYPE, not %d arguments", c.NArg())
	}
	in, name := c.Args().First(), c.Args().Get(c.NArg()-1)
	mix, err := quant.ParseMix(name)
	if err != nil {
		return misuse(c, "%v", err)
	}
	if err := checkThreads(c); err != nil {
		return err
	}
	how := quant.Retyping{Mix: mix, Requant: c.Bool("allow-requantize")}
	for _, text := range c.StringSlice("tensor-type") {
		o, err := quant.ParseOverride(text)
		if err != nil {
			return misuse(c, "--tensor-type %v", err)
		}
		how.Overrides = append(how.Overrides, o)
	}
	out := quantizedName(in, mix)
	if c.NArg() == 3 {
		out = c.Args().Get(1)
	}
	o := writeOptions(c)
	o.Measure = true
	if o.Importance, err = importance(c); err != nil {
		return err
	}
	show, end := progress(c.App.ErrWriter, "quantizing")
	o.Progress = show
	begin := time.Now()
	report, err := quant.Quantize(c.Context, in, out, how, o)
	end()
	if err != nil {
		return err
	}
	noteWithout(c, report)
	if err := printKinds(c.App.Writer, report.Kinds); err != nil {
		return err
	}
	return summary(c, report, begin, mix.Name)
}

// quantizedName puts the mix's name into a file's, in place of that of the mix it has if it tells one.
func quantizedName(in string, mix quant.Mix) string {
	base := strings.TrimSuffix(in, filepath.Ext(in))
	if dash := strings.LastIndexAny(base, "-."); dash > len(base)-len(filepath.Base(base)) {
		if _, err := quant.ParseMix(base[dash+1:]); err == nil {
			return base[:dash+1] + mix.Name + ".gguf"
		}
	}
	return base + "-" + mix.Name + ".gguf"
}

func printKinds(out io.Writer, kinds []quant.Kind) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tTENSORS\tFROM\tTO\tSIZE\tRMSE")
	for _, k := range kinds {
		loss := "-"
		if k.RMSE() > 0 {
			loss = fmt.Sprintf("%.3g", k.RMSE())
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", k.Name, k.Tensors, k.From, k.To, bytesText(k.Bytes), loss)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

func importanceFlag() urfave.Flag {
	return &urfave.PathFlag{Name: "imatrix", Usage: "round by the importance matrix in `FILE`, which \"gosling imatrix\" or llama-imatrix made"}
}

// importance reads what --imatrix names.
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

// noteWithout tells of tensors that an importance matrix lacks.
func noteWithout(c *urfave.Context, r quant.Report) {
	if n := len(r.Without); n > 0 {
		more := ""
		if n > 3 {
			more = fmt.Sprintf(" and %d more", n-3)
		}
		fmt.Fprintf(c.App.ErrWriter, "note: rounded without importance, of which %s says nothing: %s%s\n", c.Path("imatrix"), strings.Join(r.Without[:min(n, 3)], ", "), more)
	}
}
