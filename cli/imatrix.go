package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// savedEvery is after how many chunks an importance matrix under way is written.
const savedEvery = 50

func imatrixCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "text", Aliases: []string{"f"}, Usage: "read the text in `FILE`, of a .jsonl the field \"text\" of each line; - is standard input"},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "write `FILE`", Value: "imatrix.gguf"},
		&urfave.StringSliceFlag{Name: "in-file", Usage: "add what was collected in `FILE`; may be given again, and needs neither model nor text"},
		contextFlag(),
		&urfave.IntFlag{Name: "chunks", Usage: "read the first `N` chunks", DefaultText: "all"},
		&urfave.BoolFlag{Name: "resume", Usage: "go on where the output ends", DisableDefaultText: true},
		forceFlag(),
	}
	return &urfave.Command{
		Name: "imatrix", Usage: "find out which channels of a model matter, for quantizing it", ArgsUsage: "[MODEL]",
		Description: `Reads a text and writes an importance matrix: for each matrix of the layers and the head, how strongly each of its
input channels is used. "gosling quantize --imatrix" and llama-quantize round by it. The text is cut into chunks as
llama-imatrix does, each read from an empty state; a few hundred chunks of what the model is for are enough. Ctrl-C
keeps what was read so far, and --resume goes on.

Examples:
  gosling imatrix model-F16.gguf --text calibration.txt -o model-imatrix.gguf
  gosling imatrix --in-file english.gguf --in-file code.gguf -o both.gguf`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: imatrixAction,
	}
}

func imatrixAction(c *urfave.Context) error {
	if err := checkImatrix(c); err != nil {
		return err
	}
	base := &imatrix.Matrix{}
	for _, path := range c.StringSlice("in-file") {
		m, err := imatrix.Read(path)
		if err != nil {
			return err
		}
		if err := base.Merge(m); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if c.NArg() == 0 {
		if err := base.Write(c.Path("output"), c.Bool("force")); err != nil {
			return err
		}
		return printMatrix(c, base, 0)
	}
	return collect(c, base)
}

func checkImatrix(c *urfave.Context) error {
	text, merge := c.Path("text") != "" || c.Args().First() == demo.Name, c.IsSet("in-file")
	switch {
	case c.NArg() == 0 && !text && !merge:
		return misuse(c, "want a model and --text FILE, or files to put together with --in-file FILE")
	case text && c.NArg() != 1:
		return misuse(c, "want one model, not %d arguments", c.NArg())
	case !text && c.NArg() > 0:
		return misuse(c, "no text: name one with --text FILE")
	case !text && c.Bool("resume"):
		return misuse(c, "--resume goes on reading a text: name it with --text FILE")
	case c.Bool("resume") && c.Bool("force"):
		return misuse(c, "--resume and --force contradict each other")
	case c.IsSet("chunks") && c.Int("chunks") < 1:
		return misuse(c, "--chunks %d: want 1 or more", c.Int("chunks"))
	case c.Int("ctx") < eval.MinContext:
		return misuse(c, "--ctx %d: want %d or more", c.Int("ctx"), eval.MinContext)
	}
	err := tryOutputs(c, output{path: c.Path("output"), begun: c.Bool("resume"), file: true})
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w, or --resume to go on with it", err)
	}
	return err
}

// collection is an importance matrix being made.
type collection struct {
	c        *urfave.Context
	before   *imatrix.Matrix // what earlier runs and --in-file give
	windows  []eval.Window   // what remains to be read
	observer *engine.Observer
}

func collect(c *urfave.Context, base *imatrix.Matrix) error {
	path := c.Path("text")
	if path == "" {
		var err error
		if path, err = demo.Text(); err != nil {
			return err
		}
	}
	data, err := readDocuments(c, path)
	if err != nil {
		return err
	}
	before, err := begun(c, base, textName(path))
	if err != nil {
		return err
	}
	m, err := openModel(c, c.Args().First())
	if err != nil {
		return err
	}
	defer m.Close()
	if err := tie(c, before, imatrix.Origin{Model: fmt.Sprintf("%x", m.Identity()), Text: fmt.Sprintf("%x", sha256.Sum256(data))}, before.Chunks > base.Chunks); err != nil {
		return err
	}
	text, err := encodeText(m, path, data)
	if err != nil {
		return err
	}
	windows, err := text.Chunks(c.Int("ctx"), c.Int("chunks"), beginning(m))
	if err != nil {
		return named(path, err)
	}
	done := before.Chunks - base.Chunks
	if done > len(windows) {
		return fmt.Errorf("%s: was made of %d chunks of %s, which has %d: it is of another text", c.Path("output"), done, textName(path), len(windows))
	}
	o, err := m.NewObserver()
	if err != nil {
		return err
	}
	defer o.Close()
	return (&collection{c, before, windows[done:], o}).run()
}

// tie makes a matrix one of a model and a text. One that was begun must be of them already.
func tie(c *urfave.Context, m *imatrix.Matrix, of imatrix.Origin, begun bool) error {
	const advice = "name another --output; --in-file adds up matrices of several texts"
	var reason string
	switch {
	case !begun || m.Of == of:
		m.Of = of
		return nil
	case m.Of == imatrix.Origin{}:
		reason = "does not say of which model it is, so it cannot be gone on with"
	case m.Of.Model != of.Model:
		reason = "was begun with another model than " + c.Args().First() + ", with other weights or settings"
	default:
		reason = "was begun with another text of the same name"
	}
	return &hinted{fmt.Errorf("%s: %s", c.Path("output"), reason), advice}
}

// begun is what there is before a text is read: what the output holds, to go on with it, or else base with the text's name.
func begun(c *urfave.Context, base *imatrix.Matrix, text string) (*imatrix.Matrix, error) {
	if base.Chunks > 0 && base.ChunkSize != c.Int("ctx") {
		return nil, misuse(c, "--ctx %d: the chunks of --in-file have %d tokens", c.Int("ctx"), base.ChunkSize)
	}
	start := &imatrix.Matrix{
		Datasets: append(slices.Clip(base.Datasets), text), Chunks: base.Chunks, ChunkSize: c.Int("ctx"), Entries: base.Entries,
	}
	out := c.Path("output")
	if !c.Bool("resume") {
		return start, nil
	}
	old, err := imatrix.Read(out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return start, nil
	case err != nil:
		return nil, err
	case !slices.Equal(old.Datasets, start.Datasets):
		return nil, fmt.Errorf("%s: was made of %s, not of %s: name another --output", out, datasets(old), datasets(start))
	case old.ChunkSize != start.ChunkSize || old.Chunks < base.Chunks:
		return nil, fmt.Errorf("%s: has %d chunks of %d tokens, which cannot be gone on with in chunks of %d: name another --output", out, old.Chunks, old.ChunkSize, start.ChunkSize)
	}
	return old, nil
}

// datasets names the first texts of an importance matrix.
func datasets(m *imatrix.Matrix) string {
	const shown = 4
	var names []string
	for _, name := range m.Datasets[:min(shown, len(m.Datasets))] {
		names = append(names, term.Visible(name))
	}
	if len(m.Datasets) > shown {
		names = append(names, fmt.Sprintf("and %d more", len(m.Datasets)-shown))
	}
	return strings.Join(names, ", ")
}

// run reads the remaining chunks and writes the output: now and then, when it is stopped, and at the end.
func (k *collection) run() error {
	total := 0
	for _, w := range k.windows {
		total += len(w.Tokens)
	}
	line := newRunning(k.c.App.ErrWriter, clockOf(k.c), filepath.Base(k.c.Args().First()), tokensRead, int64(total))
	defer line.end()
	ctx := line.follow(k.c.Context)
	for i, w := range k.windows {
		err := k.observer.Read(ctx, w.Tokens)
		if err != nil {
			line.end()
			if errors.Is(err, context.Canceled) && i > 0 {
				if err := k.save(i); err != nil {
					return err
				}
				fmt.Fprintf(k.c.App.ErrWriter, "%s holds %d chunks; the same command with --resume goes on\n", k.c.Path("output"), k.before.Chunks+i)
			}
			return err
		}
		line.say("%d of %d chunks", i+1, len(k.windows))
		if (i+1)%savedEvery == 0 {
			if err := k.save(i + 1); err != nil {
				return err
			}
		}
	}
	took := line.end()
	if err := k.save(len(k.windows)); err != nil {
		return err
	}
	m, err := k.matrix(len(k.windows))
	if err != nil {
		return err
	}
	return printMatrix(k.c, m, took)
}

// matrix is all that was collected when chunks were read.
func (k *collection) matrix(chunks int) (*imatrix.Matrix, error) {
	m := &imatrix.Matrix{Of: k.before.Of}
	if err := m.Merge(k.before); err != nil {
		return nil, err
	}
	m.Chunks += chunks
	for _, in := range k.observer.Inputs() {
		if err := m.Add(imatrix.Entry{Name: in.Weight, Squares: in.Squares, Tokens: in.Tokens}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// save writes what was collected. That the output may be replaced was looked at in the beginning. If it cannot be written after
// all, the matrix is kept among the temporary files.
func (k *collection) save(chunks int) error {
	m, err := k.matrix(chunks)
	if err != nil {
		return err
	}
	err = m.Write(k.c.Path("output"), true)
	if err == nil {
		return nil
	}
	dir, keptErr := os.MkdirTemp("", "gosling-imatrix-") // a name that nobody could take before
	kept := filepath.Join(dir, "imatrix.gguf")
	if keptErr == nil {
		keptErr = m.Write(kept, false)
	}
	if keptErr != nil {
		return errors.Join(err, keptErr)
	}
	return &hinted{err, "what was collected is kept in " + kept + ": copy it to the output, and --resume goes on"}
}

func printMatrix(c *urfave.Context, m *imatrix.Matrix, took time.Duration) error {
	text := fmt.Sprintf("%s: %d tensors, %d chunks of %d tokens", c.Path("output"), len(m.Entries), m.Chunks, m.ChunkSize)
	if took > 0 {
		text += fmt.Sprintf(", %.1f s", took.Seconds())
	}
	_, err := fmt.Fprintln(c.App.Writer, text)
	return err
}
