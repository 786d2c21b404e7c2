package inspect

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// WriteText writes the whole list for people. Errors of out are left to out.
func (l *Listing) WriteText(out io.Writer) {
	l.writeMetadata(out)
	l.WriteTensors(out)
	l.WriteTotals(out)
	l.writeMemory(out)
}

func (l *Listing) writeMetadata(out io.Writer) {
	fmt.Fprintf(out, "%s: %s, %s\n\n", l.Path, l.Format, units.Bytes(l.Size))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, kv := range l.Metadata {
		fmt.Fprintf(w, "%s\t%s\n", term.Visible(kv.Key), Brief(kv.Value))
	}
	w.Flush()
	if len(l.Metadata) > 0 {
		fmt.Fprintln(out)
	}
}

// WriteTensors writes the list of tensors as a table. Errors of out are left to out.
func (l *Listing) WriteTensors(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range l.Tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", term.Visible(t.Name), t.Type, t.Shape, units.Bytes(t.Size))
	}
	w.Flush()
}

// WriteTotals writes how many weights of each type there are. Errors of out are left to out.
func (l *Listing) WriteTotals(out io.Writer) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, tensors int, parameters, bytes int64) {
		fmt.Fprintf(w, "%s\t%d tensors\t%s parameters\t%s\t\n", name, tensors, units.Grouped(parameters), units.Bytes(bytes))
	}
	for _, t := range l.Totals.Types {
		row(t.Type, t.Tensors, t.Parameters, t.Bytes)
	}
	row("all", l.Totals.Tensors, l.Totals.Parameters, l.Totals.Bytes)
	w.Flush()
	fmt.Fprintf(out, "%.2f bits per weight\n", l.Totals.BitsPerWeight)
}

// writeMemory writes the memory for running the model in each type.
func (l *Listing) writeMemory(out io.Writer) {
	if l.Memory == nil {
		return
	}
	fmt.Fprint(out, "\nto run it, about:\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TYPE\tFILE\tMEMORY ON THE CPU\tON A GPU\tAND BESIDE IT")
	rows := l.Memory
	if l.AsItIs != nil {
		as := *l.AsItIs
		as.Mix = "as it is"
		rows = append([]fit.Row{as}, rows...)
	}
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Mix, units.Bytes(r.Size), units.Bytes(r.RAM), units.Bytes(r.VRAM), units.Bytes(r.HostRAM))
	}
	w.Flush()
}
