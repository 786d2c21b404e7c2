package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/imatrix/collect"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
)

func imatrixCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "text", Aliases: []string{"f"}, Usage: "read the text in `FILE`; of a .jsonl file, the field \"text\" of each line; - is standard input"},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the matrix to `FILE`", Value: "imatrix.gguf"},
		&urfave.StringSliceFlag{Name: "in-file", Usage: "add the matrix in `FILE`; may be repeated; needs no model and no text"},
		contextFlag(),
		&urfave.IntFlag{Name: "chunks", Usage: "read the first `N` chunks", DefaultText: "all"},
		&urfave.BoolFlag{Name: "resume", Usage: "continue where the output ends", DisableDefaultText: true},
		forceFlag(),
	}
	return &urfave.Command{
		Name: "imatrix", Usage: "measure which channels of a model matter for quantizing", ArgsUsage: "[MODEL]",
		Description: `Reads a text and writes an importance matrix. It says how strongly each input channel is used, for each matrix of the
layers and the head. "gosling quantize --imatrix" and llama-quantize round by it. The text is cut into chunks as
llama-imatrix does. Each chunk is read from an empty state. A few hundred chunks of typical text are enough. Ctrl-C keeps
what was read so far, and --resume continues.

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
	o, err := imatrixOptions(c)
	if err != nil {
		return err
	}
	var line *term.Progress
	var took time.Duration
	o.Progress = func(p collect.Progress) {
		if line == nil {
			line = term.NewProgress(c.App.ErrWriter, clock.Of(c.Context), filepath.Base(c.Args().First()), term.Tokens, p.Total)
		}
		if line.Set(p.Done, p.Total); p.Chunks > 0 {
			line.Say("%d of %d chunks", p.Chunks, p.Of)
		}
		if p.Ended {
			took = line.End()
		}
	}
	r, err := collect.Run(c.Context, o)
	if line != nil {
		line.End()
	}
	if err != nil {
		if errors.Is(err, context.Canceled) && r.Read > 0 {
			fmt.Fprintf(c.App.ErrWriter, "%s holds %d chunks; run the same command with --resume to continue\n", o.Output, r.Chunks)
		}
		return imatrixError(c, err)
	}
	return printMatrix(c, r, took)
}

// imatrixOptions returns the options that the flags set, with the text.
func imatrixOptions(c *urfave.Context) (o collect.Options, err error) {
	o = collect.Options{
		Name: c.Args().First(), In: c.StringSlice("in-file"), Output: c.Path("output"),
		Context: c.Int("ctx"), Chunks: c.Int("chunks"), Resume: c.Bool("resume"), Force: c.Bool("force"),
	}
	if c.NArg() == 0 {
		return o, nil
	}
	if o.Text, err = textToRead(c); err != nil {
		return o, err
	}
	if o.Options, err = modelOptions(c); err != nil {
		return o, err
	}
	o.Model, err = modelPath(c, o.Name)
	return o, err
}

// textToRead reads the text that --text names, or the one of the built-in model.
func textToRead(c *urfave.Context) (t collect.Text, err error) {
	path := c.Path("text")
	if path == "" {
		if path, err = demo.Text(); err != nil {
			return t, err
		}
	}
	t.Name = textName(path)
	t.Data, err = readDocuments(c, path)
	return t, err
}

// imatrixError adds what to do to an error of collecting.
func imatrixError(c *urfave.Context, err error) error {
	var length *collect.ContextError
	var resume *collect.ResumeError
	var unwritten *collect.UnwrittenError
	var short *collect.ShortError
	var none *lm.NoTokenizerError
	switch {
	case errors.As(err, &length):
		return misuse(c, "--ctx %d: the chunks of --in-file have %d tokens", length.Context, length.In)
	case errors.As(err, &resume) && resume.Named:
		return fmt.Errorf("%w: name another --output", err)
	case errors.As(err, &resume):
		return &hinted{err, "name another --output; --in-file adds up matrices of several texts"}
	case errors.As(err, &unwritten):
		return &hinted{err, "the collected matrix is kept in " + unwritten.Kept + ": copy it to the output and add --resume"}
	case errors.As(err, &short):
		return &hinted{err, "take a longer text, or chunks of fewer tokens: two must fit"}
	case errors.As(err, &none):
		return fmt.Errorf("%s: holds no tokenizer, so no text can be measured: convert it again with --vocab", none.Path)
	}
	return onOpening(c, err)
}

func checkImatrix(c *urfave.Context) error {
	text, merge := c.Path("text") != "" || c.Args().First() == demo.Name, c.IsSet("in-file")
	switch {
	case c.NArg() == 0 && !text && !merge:
		return misuse(c, "want a model and --text FILE, or matrices to add up with --in-file FILE")
	case text && c.NArg() != 1:
		return misuse(c, "want one model, not %d arguments", c.NArg())
	case !text && c.NArg() > 0:
		return misuse(c, "no text: name one with --text FILE")
	case !text && c.Bool("resume"):
		return misuse(c, "--resume needs a text to read: name it with --text FILE")
	case c.Bool("resume") && c.Bool("force"):
		return misuse(c, "--resume and --force contradict each other")
	case c.IsSet("chunks") && c.Int("chunks") < 1:
		return misuse(c, "--chunks %d: want 1 or more", c.Int("chunks"))
	case c.Int("ctx") < collect.MinContext:
		return misuse(c, "--ctx %d: want %d or more", c.Int("ctx"), collect.MinContext)
	}
	return tryOutput(c)
}

// tryOutput tries --output before the work, which --resume continues.
func tryOutput(c *urfave.Context) error {
	err := guard(c).Try(outfile.Output{Path: c.Path("output"), Begun: c.Bool("resume"), File: true})
	if errors.Is(err, fs.ErrExist) {
		return &hinted{err, "add --resume to continue it"}
	}
	return err
}

func printMatrix(c *urfave.Context, r collect.Result, took time.Duration) error {
	text := fmt.Sprintf("%s: %d tensors, %d chunks of %d tokens", c.Path("output"), r.Tensors, r.Chunks, r.ChunkSize)
	if took > 0 {
		text += fmt.Sprintf(", %.1f s", took.Seconds())
	}
	_, err := fmt.Fprintln(c.App.Writer, text)
	return err
}
