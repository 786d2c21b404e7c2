package fit

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/internal/units"
)

// WriteText says in a line what the advice counts on. Errors of w are left to w.
func (m Machine) WriteText(w io.Writer) {
	fmt.Fprintf(w, "Counting on %s of %s of memory", units.Bytes(m.Usable()), units.Bytes(m.RAM))
	if m.Bandwidth > 0 {
		fmt.Fprintf(w, ", read at %s/s by %d threads", units.Bytes(int64(m.Bandwidth)), m.Threads)
	}
	if m.VRAM > 0 {
		fmt.Fprintf(w, ", and %s of %s", units.Bytes(m.VRAM), m.GPU)
	} else {
		fmt.Fprint(w, "; no GPU")
	}
	fmt.Fprint(w, ".\n\n")
}

// WriteText describes the model that is best for a use. Errors of w are left to w.
func (m Advised) WriteText(w io.Writer, use string) {
	fmt.Fprintf(w, "For %s take %s in %s.\n", use, m.Name, m.Type)
	fmt.Fprintf(w, "  file    %s\n  memory  %s\n", units.Bytes(m.Size), m.memory())
	if m.Speed > 0 {
		fmt.Fprintf(w, "  speed   about %.3g tokens/s, estimated from the memory's\n", m.Speed)
	}
	fmt.Fprintf(w, "  why     %s\n", m.Why)
}

func (m Advised) memory() string {
	if m.VRAM > 0 {
		return fmt.Sprintf("%s on the GPU and %s beside it", units.Bytes(m.VRAM), units.Bytes(m.RAM))
	}
	return units.Bytes(m.RAM)
}

// WriteModels writes a line for each model. Errors of out are left to out.
func WriteModels(out io.Writer, models []Advised) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, m := range models {
		fmt.Fprintf(w, "  %s\t%s\tfile %s\tmemory %s", m.Name, m.Pull, units.Bytes(m.Size), m.memory())
		if m.Speed > 0 {
			fmt.Fprintf(w, "\t%.3g tokens/s", m.Speed)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}
