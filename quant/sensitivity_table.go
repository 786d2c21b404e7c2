package quant

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// WriteTable lists the kinds and then the layers. In each group, the part with the lowest cost per saved byte is first.
func (s Sensitivity) WriteTable(out io.Writer) error {
	parts := slices.Clone(s.Parts)
	slices.SortStableFunc(parts, func(a, b Part) int {
		if a.Layer < 0 != (b.Layer < 0) {
			return cmp.Compare(a.Layer, b.Layer)
		}
		return cmp.Compare(perMiB(a), perMiB(b))
	})
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PART\tTYPE\tTENSORS\tSAVED\tKLD\t±\tSAME TOP\tKLD/MIB")
	for i, p := range parts {
		if i > 0 && p.Layer >= 0 && parts[i-1].Layer < 0 {
			fmt.Fprintln(t)
		}
		name := p.Kind
		if name == "" {
			name = fmt.Sprintf("layer %d", p.Layer)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%.6f\t%.6f\t%.2f %%\t%.3g\n", name, p.Type, p.Tensors, units.Bytes(p.Saved), p.KLD, p.Error, 100*p.SameTop, perMiB(p))
	}
	return t.Flush()
}

func perMiB(p Part) float.Number { return p.KLD / (float.Number(p.Saved) / (1 << 20)) }
