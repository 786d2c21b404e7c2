package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/quant"
)

func compareCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringSliceFlag{Name: "text", Aliases: []string{"f"}, Usage: "measure on the text in `FILE`, of a .jsonl the field \"text\" of each line; may be repeated"},
		&urfave.StringFlag{Name: "context", Aliases: []string{"c", "ctx"}, Usage: "cut texts into chunks of `N` tokens; several with commas", Value: "512"},
		&urfave.IntFlag{Name: "chunks", Usage: "measure the first `N` chunks of each text", DefaultText: "all"},
		&urfave.StringFlag{Name: "types", Usage: "make candidates of the base in these `TYPES`, such as Q8_0,Q4_K_M"},
		&urfave.BoolFlag{Name: "keep", Usage: "keep the candidates that were made, beside the base", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "allow-requantize", Usage: "make candidates of a base that is quantized already", DisableDefaultText: true},
		importanceFlag(),
		&urfave.PathFlag{Name: "base-logits", Usage: "keep what the base says in `FILE`, or take it from there"},
		&urfave.PathFlag{Name: "work", Usage: "keep what is needed on the way in `DIR`", DefaultText: "a folder for temporary files"},
		&urfave.BoolFlag{Name: "resume", Usage: "go on with the same comparison, which was stopped", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "no-speed", Usage: "do not measure speed and memory", DisableDefaultText: true},
		&urfave.StringSliceFlag{Name: "eval", Usage: "also measure by the task `NAME`, lambada, mmlu or tasks; may be repeated"},
		&urfave.StringSliceFlag{Name: "file", Usage: "take the data of --eval from `FILE`, as \"gosling eval\" does"},
		&urfave.IntFlag{Name: "limit", Usage: "ask `N` questions of --eval, chosen as \"gosling eval\" does", DefaultText: "all"},
		jsonFlag(),
		&urfave.BoolFlag{Name: "csv", Usage: "print CSV, a row for each candidate and column", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "markdown", Usage: "print tables in Markdown", DisableDefaultText: true},
		&urfave.PathFlag{Name: "html", Usage: "also write a page with tables and plots to `FILE`; - is standard output, without the tables"},
		forceFlag(),
	}
	return &urfave.Command{
		Name: "compare", Usage: "tell what a quantization costs", ArgsUsage: "BASE [CANDIDATE...]",
		Description: `Measures how far each candidate's predictions are from those of the base: perplexity, KL divergence, the change of the
right token's probability, how often both find the same token likeliest, besides size, speed and memory. Definitions
are those of llama-perplexity --kl-divergence. Each text and each context is a column. Candidates are files, or are
made with --types, measured and thrown away.

Examples:
  gosling compare model-F16.gguf --types Q8_0,Q6_K,Q4_K_M --text wiki.test.raw
  gosling compare model-F16.gguf a.gguf b.gguf --text en.txt --text code.txt --context 512,4096
  gosling compare model-F16.gguf --types Q4_0 --text wiki.test.raw --eval lambada --file lambada_test.jsonl --html report.html`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: compare,
	}
}

// candidate is a model to compare: a file, or one to be made in a mix.
type candidate struct {
	name string
	path string // empty if it is made
	how  quant.Retyping
}

// comparison is one run of the command.
type comparison struct {
	c          *urfave.Context
	base       string
	candidates []candidate
	contexts   []int
	texts      []string
	data       [][]byte // of each text
	importance *quant.Importance
	taskFiles  []string // of each --eval; empty for the questions in the program
	kldOnly    bool     // nothing but the divergence is measured
	work       string
	lock       *os.File // in the folder work
	result     eval.Comparison
	columns    []column
}

func compare(c *urfave.Context) error {
	r := &comparison{c: c}
	if err := r.arguments(); err != nil {
		return err
	}
	if err := r.checkTasks(); err != nil {
		return err
	}
	if err := r.checkModels(); err != nil {
		return err
	}
	if err := tryOutputs(c, append(slices.Concat(r.logitsOutputs(), r.keptOutputs()), output{path: c.Path("html")})...); err != nil {
		return err
	}
	if err := r.readTexts(); err != nil {
		return err
	}
	if err := r.prepareWork(); err != nil {
		return err
	}
	defer r.leaveWork()
	if err := r.run(); err != nil {
		return r.stopped(err)
	}
	if err := r.print(); err != nil && !errors.Is(err, syscall.EPIPE) { // a reader that has seen enough
		return r.stopped(err)
	}
	r.removeWork()
	return nil
}

func (r *comparison) arguments() error {
	c := r.c
	formats := 0
	for _, name := range []string{"json", "csv", "markdown"} {
		if c.Bool(name) {
			formats++
		}
	}
	switch {
	case c.NArg() == 0:
		return misuse(c, "no base named")
	case c.NArg() == 1 && c.String("types") == "":
		return misuse(c, "nothing to compare with: name candidates, or types to make them in with --types")
	case c.String("types") == "" && c.IsSet("imatrix"):
		return misuse(c, "--imatrix is for candidates that are made with --types")
	case c.Path("html") == "-" && formats > 0:
		return misuse(c, "--html - takes standard output, where --json, --csv and --markdown print: name a file for the page")
	case formats > 1:
		return misuse(c, "choose one of --json, --csv and --markdown")
	case c.IsSet("limit") && c.Int("limit") < 1:
		return misuse(c, "--limit %d: want 1 or more", c.Int("limit"))
	case c.IsSet("chunks") && c.Int("chunks") < 1:
		return misuse(c, "--chunks %d: want 1 or more", c.Int("chunks"))
	}
	r.base = c.Args().First()
	var err error
	if r.texts, err = textNames(c, r.base, c.StringSlice("text")); err != nil {
		return err
	}
	if len(r.texts) == 0 {
		return misuse(c, "no text: name one with --text FILE")
	}
	if r.contexts, err = parseContexts(c); err != nil {
		return err
	}
	for _, path := range c.Args().Tail() {
		r.candidates = append(r.candidates, candidate{name: filepath.Base(path), path: path})
	}
	for word := range strings.SplitSeq(c.String("types"), ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		mix, err := quant.ParseMix(word)
		if err != nil {
			return misuse(c, "%v", err)
		}
		r.candidates = append(r.candidates, candidate{name: mix.Name, how: quant.Retyping{Mix: mix, Requant: requantize(c, r.base)}})
	}
	if err := settleThreads(c); err != nil {
		return err
	}
	if err := notStdout(c, "base-logits"); err != nil {
		return err
	}
	r.importance, err = importance(c)
	return err
}

// parseContexts reads the lengths of chunks.
func parseContexts(c *urfave.Context) ([]int, error) {
	var contexts []int
	for word := range strings.SplitSeq(c.String("context"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < eval.MinContext {
			return nil, misuse(c, "--context %q: want numbers from %d", word, eval.MinContext)
		}
		contexts = append(contexts, n)
	}
	return contexts, nil
}

// checkModels refuses candidates that cannot be compared, before anything is computed.
func (r *comparison) checkModels() error {
	base, err := openGGUF(r.base)
	if err != nil {
		return err
	}
	defer base.Close()
	r.result.Base = factsOf(base, filepath.Base(r.base))
	for _, cand := range r.candidates {
		if cand.path == "" {
			continue
		}
		file, err := openGGUF(cand.path)
		if err != nil {
			return err
		}
		err = comparable(base, file)
		file.Close()
		if err != nil {
			return fmt.Errorf("%s cannot be compared with %s: %w", cand.path, r.base, err)
		}
	}
	return nil
}

// comparable says why two models cannot be compared.
func comparable(base, other *gguf.File) error {
	a, _ := base.String("general.architecture")
	b, _ := other.String("general.architecture")
	if a != b {
		return fmt.Errorf("its architecture is %s, the base's %s", excerpt.Of(b), excerpt.Of(a))
	}
	rows := func(f *gguf.File) int64 {
		t, _ := f.Tensor("token_embd.weight")
		if len(t.Shape) < 2 {
			return 0
		}
		return t.Shape[1]
	}
	if rows(base) != rows(other) {
		return fmt.Errorf("its vocabulary has %d tokens, the base's %d", rows(other), rows(base))
	}
	x, _ := base.Strings("tokenizer.ggml.tokens")
	y, _ := other.Strings("tokenizer.ggml.tokens")
	if !slices.Equal(x, y) {
		return fmt.Errorf("its vocabulary has other tokens")
	}
	return nil
}

// factsOf is what a file's header tells.
func factsOf(file *gguf.File, name string) eval.Facts {
	f := eval.Facts{Name: name, Size: file.Size()}
	bytes, elements := int64(0), int64(0)
	for _, t := range file.Tensors() {
		bytes += t.Size
		elements += t.Elements()
	}
	if elements > 0 {
		f.BitsPerWeight = float.Number(8 * float64(bytes) / float64(elements))
	}
	return f
}

func (r *comparison) readTexts() error {
	for _, path := range r.texts {
		data, err := readDocuments(r.c, path)
		if err != nil {
			return err
		}
		r.data = append(r.data, data)
	}
	return nil
}
