package models

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// WriteList writes a line for each name of some models.
func WriteList(out io.Writer, all []Entry) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTYPE\tSIZE\tPULLED\tFROM")
	for _, e := range all {
		pulled, from := "-", "a file of yours"
		if e.Source != nil {
			pulled, from = e.Pulled.Local().Format("2006-01-02"), e.Source.String()
		}
		for _, name := range e.Names {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", term.Visible(e.label(name, all)), term.Visible(e.Type), units.Bytes(e.Size), pulled, term.Visible(from))
		}
	}
	return w.Flush()
}

// String returns the hub, the repository and the first file.
func (s Source) String() string {
	text := s.Hub + "/" + s.Repository
	if len(s.Files) > 0 {
		text += ":" + s.Files[0].Path
	}
	return text
}

// WriteText writes all that is known of a model without reading it.
func (e Entry) WriteText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, term.Visible(text))
		}
	}
	row("names", strings.Join(e.Names, ", "))
	row("type", e.Type)
	row("size", units.Bytes(e.Size))
	row("file", e.Path)
	for _, f := range e.Files {
		row("sha256", f.SHA256)
	}
	if e.Source != nil {
		row("from", e.Source.String())
		row("revision", e.Source.Revision)
		for _, f := range e.Source.Files {
			row("source", fmt.Sprintf("%s %s %s", f.Path, units.Bytes(f.Size), f.ID()))
		}
		row("pulled", e.Pulled.Local().Format("2006-01-02 15:04"))
		row("by", e.Program)
	}
	return w.Flush()
}

// Summary says in a sentence what the pull will do.
func (p *Plan) Summary() string {
	text := fmt.Sprintf("pulling %s of %s: %s to download", p.choice.model.Path, p.listing.Repo, units.Bytes(p.Download))
	if len(p.Files) > 1 {
		text = fmt.Sprintf("pulling %s and %d more files of %s: %s to download", p.choice.model.Path, len(p.Files)-1, p.listing.Repo, units.Bytes(p.Download))
	}
	if p.Convert {
		text += fmt.Sprintf(", then converted to %s", p.Type)
	}
	return text + fmt.Sprintf("; %s on the disk, about %s of memory to run", units.Bytes(p.Need.Size), units.Bytes(p.Need.CPU.RAM))
}

// Misfit says why the model does not run on the machine.
func (p *Plan) Misfit() string {
	text := fmt.Sprintf("%s in %s needs about %s of memory, and this machine has %s for models", p.Name.Base, p.Type, units.Bytes(p.Need.CPU.RAM), units.Bytes(p.o.Machine.Usable()))
	if p.o.Machine.VRAM > 0 {
		text += fmt.Sprintf(" and %s free on its GPU", units.Bytes(p.o.Machine.VRAM))
	}
	return text + ": take a smaller model or type"
}
