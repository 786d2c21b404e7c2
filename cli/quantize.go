package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	urfave "github.com/urfave/cli/v2"

	"gosling/quant"
)

func quantizeCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.BoolFlag{Name: "allow-requantize", Usage: "quantize again what is quantized already, which adds up errors", DisableDefaultText: true},
		threadsFlag(), forceFlag(),
	}
	return &urfave.Command{
		Name: "quantize", Usage: "make a GGUF model smaller", ArgsUsage: "IN [OUT] TYPE",
		Description: `Writes IN with its matrices as TYPE. Without OUT the file lies beside IN and has TYPE in its name: model-F16.gguf becomes
model-Q4_K_M.gguf. Norms and other small tensors keep their precision. A table tells for each kind of tensor its type,
its size, and the root-mean-square error against IN.

TYPE is one of ` + wrapNames(mixNames(), 100) + `

Examples:
  gosling quantize model-F16.gguf Q4_K_M
  gosling quantize --threads 4 model-F16.gguf small.gguf q4_0`,
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
	out := quantizedName(in, mix)
	if c.NArg() == 3 {
		out = c.Args().Get(1)
	}
	o := writeOptions(c)
	o.Measure = true
	show, end := progress(c.App.ErrWriter, "quantizing")
	o.Progress = show
	begin := time.Now()
	report, err := quant.Quantize(c.Context, in, out, quant.Retyping{Mix: mix, Requant: c.Bool("allow-requantize")}, o)
	end()
	if err != nil {
		return err
	}
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
