package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
)

func inspectCommand() *urfave.Command {
	return &urfave.Command{
		Name: "inspect", Usage: "show what is in a .gguf, a .pth or a .bin of rwkv.cpp, or check it", ArgsUsage: "FILE",
		Description: `Prints the metadata and the tensors without loading them. Shapes are as the file has them: fastest dimension first in
GGUF, last in the others. With --check every weight is read: the layout of the file and the checksums in it, all that convert
or run would refuse, and numbers that are not finite; all that is wrong is printed, and the exit code is 1 if anything is.

Examples:
  gosling inspect model.gguf
  gosling inspect --json model.pth | jq .totals
  gosling inspect --check model.gguf`,
		Flags: append([]urfave.Flag{
			jsonFlag(),
			&urfave.BoolFlag{Name: "check", Usage: "look for everything that can be wrong", DisableDefaultText: true},
			&urfave.BoolFlag{Name: "tensors", Usage: "print the list of tensors only", DisableDefaultText: true},
		}, ggmlFlags()...),
		Action: inspect,
	}
}

func inspect(c *urfave.Context) error {
	if c.NArg() != 1 {
		return misuse(c, "want one file, not %d arguments", c.NArg())
	}
	path, err := modelPath(c.Args().First())
	if err != nil {
		return err
	}
	if c.Bool("check") {
		return checkFile(c, path)
	}
	list, err := listFile(path)
	if err != nil {
		return err
	}
	return buffered(heeding{c.Context, c.App.Writer}, func(w io.Writer) error {
		if c.Bool("json") {
			return list.writeJSON(w)
		}
		if !c.Bool("tensors") {
			list.printMetadata(w)
		}
		list.printTensors(w)
		if !c.Bool("tensors") {
			list.printTotals(w)
			list.printMemory(w)
		}
		return nil
	})
}

// listing is what a model file holds, as --json prints it.
type listing struct {
	Path     string         `json:"path"`
	Format   string         `json:"format"`
	Size     int64          `json:"size"`
	Metadata metadata       `json:"-"` // written by writeListing
	Tensors  []listedTensor `json:"tensors"`
	Totals   totals         `json:"totals"`
	AsItIs   *fit.Row       `json:"memory_as_is,omitempty"` // to run the file; nil for what does not run as it is
	Memory   []fit.Row      `json:"memory,omitempty"`       // to run it in each type; nil for what is no model
}

type listedTensor struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`
	Shape  []int64 `json:"shape"`
	Part   int     `json:"part,omitempty"`   // of a split GGUF model, from 0
	Offset *int64  `json:"offset,omitempty"` // in the file; nil in a .pth
	Size   int64   `json:"size"`

	elements int64
}

type totals struct {
	Tensors       int          `json:"tensors"`
	Parameters    int64        `json:"parameters"`
	Bytes         int64        `json:"bytes"`
	BitsPerWeight float.Number `json:"bits_per_weight"`
	Types         []typeTotal  `json:"types"`
}

type typeTotal struct {
	Type       string `json:"type"`
	Tensors    int    `json:"tensors"`
	Parameters int64  `json:"parameters"`
	Bytes      int64  `json:"bytes"`
}

// listFile reads the directory of a GGUF file or a checkpoint.
func listFile(path string) (*listing, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	list := &listing{Path: path, Size: info.Size(), Tensors: []listedTensor{}}
	if gguf.Is(path) {
		err = list.readGGUF(path)
	} else {
		err = list.readCheckpoint(path)
	}
	if m := oldMatrix(path, err); m != nil {
		list.readMatrix(m)
		err = nil
	}
	list.sum()
	if info.IsDir() {
		list.Size = list.Totals.Bytes
	}
	return list, err
}

func (l *listing) readGGUF(path string) error {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	l.Format, l.Size = fmt.Sprintf("GGUF version %d", f.Version()), f.Size()
	if n := len(f.Paths()); n > 1 {
		l.Format += fmt.Sprintf(", %d parts", n)
	}
	for _, kv := range f.Keys() {
		l.Metadata = append(l.Metadata, gguf.KV{Key: strings.Clone(kv.Key), Value: kv.Value})
	}
	if arch, config, err := archs.Describe(f); err == nil {
		if row, err := fit.AsItIs(arch, config, f); err == nil {
			l.AsItIs = &row
		}
		l.Memory, _ = fit.Table(arch, config, f) // --check tells what is wrong with it
	}
	for _, t := range f.Tensors() {
		l.Tensors = append(l.Tensors, listedTensor{t.Name, t.Type.String(), t.Shape, t.Part, &t.Offset, t.Size, t.Elements()})
	}
	return nil
}

func (l *listing) readCheckpoint(path string) error {
	f, err := formats.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	l.Format = f.Format
	shapes := shapesOf(f)
	if arch, ok := archs.Detect(shapes); ok {
		if config, err := arch.FromShapes(shapes); err == nil { // --check tells why not
			l.Metadata = append(metadata{{Key: "architecture", Value: arch.Name}}, arch.Keys(config)...)
			l.Memory, _ = fit.Table(arch, config, nil)
		}
	}
	for _, t := range f.Tensors {
		shape := t.Shape
		if shape == nil {
			shape = []int64{}
		}
		n := t.Elements()
		l.Tensors = append(l.Tensors, listedTensor{t.Name, t.DType.String(), shape, 0, nil, n * t.DType.Size(), n})
	}
	return nil
}

// oldMatrix reads an importance matrix of the format before GGUF, if a file of which err was said is one.
func oldMatrix(path string, err error) *imatrix.Matrix {
	if err == nil || gguf.Is(path) {
		return nil
	}
	m, err := imatrix.Read(path)
	if err != nil {
		return nil
	}
	return m
}

func (l *listing) readMatrix(m *imatrix.Matrix) {
	l.Format = "importance matrix of llama.cpp, before GGUF"
	l.Metadata = metadata{{Key: "imatrix.datasets", Value: m.Datasets}, {Key: "imatrix.chunk_count", Value: uint32(m.Chunks)}}
	for _, e := range m.Entries {
		n := int64(len(e.Squares))
		l.Tensors = append(l.Tensors, listedTensor{Name: e.Name, Type: gguf.F32.String(), Shape: []int64{n}, Size: 4 * n, elements: n})
	}
}

func (l *listing) sum() {
	byType := map[string]int{}
	for _, t := range l.Tensors {
		at, ok := byType[t.Type]
		if !ok {
			at = len(l.Totals.Types)
			byType[t.Type] = at
			l.Totals.Types = append(l.Totals.Types, typeTotal{Type: t.Type})
		}
		sum := &l.Totals.Types[at]
		sum.Tensors++
		sum.Parameters += t.elements
		sum.Bytes += t.Size
		l.Totals.Parameters += t.elements
		l.Totals.Bytes += t.Size
	}
	l.Totals.Tensors = len(l.Tensors)
	if l.Totals.Parameters > 0 {
		l.Totals.BitsPerWeight = float.Number(8 * float64(l.Totals.Bytes) / float64(l.Totals.Parameters))
	}
}

func (l *listing) printMetadata(out io.Writer) {
	fmt.Fprintf(out, "%s: %s, %s\n\n", l.Path, l.Format, bytesText(l.Size))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, kv := range l.Metadata {
		fmt.Fprintf(w, "%s\t%s\n", term.Visible(kv.Key), brief(kv.Value))
	}
	w.Flush()
	if len(l.Metadata) > 0 {
		fmt.Fprintln(out)
	}
}

func (l *listing) printTensors(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range l.Tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", term.Visible(t.Name), t.Type, t.Shape, bytesText(t.Size))
	}
	w.Flush()
}

func (l *listing) printTotals(out io.Writer) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, tensors int, parameters, bytes int64) {
		fmt.Fprintf(w, "%s\t%d tensors\t%s parameters\t%s\t\n", name, tensors, grouped(parameters), bytesText(bytes))
	}
	for _, t := range l.Totals.Types {
		row(t.Type, t.Tensors, t.Parameters, t.Bytes)
	}
	row("all", l.Totals.Tensors, l.Totals.Parameters, l.Totals.Bytes)
	w.Flush()
	fmt.Fprintf(out, "%.2f bits per weight\n", l.Totals.BitsPerWeight)
}

// printMemory prints what it takes to run the model in each type.
func (l *listing) printMemory(out io.Writer) {
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Mix, bytesText(r.Size), bytesText(r.RAM), bytesText(r.VRAM), bytesText(r.HostRAM))
	}
	w.Flush()
}
