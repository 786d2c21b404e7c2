package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func embedCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "file", Aliases: []string{"f"}, Usage: "read the texts from `FILE`, one per line; - is standard input"},
		&urfave.StringFlag{Name: "pooling", Value: "last", Usage: "use the hidden state after the `last` token, or the mean over all tokens"},
		&urfave.BoolFlag{Name: "normalize", Usage: "scale each embedding to length 1", DisableDefaultText: true},
		&urfave.StringFlag{Name: "format", Value: "json", Usage: "write `FORMAT` json (like OpenAI's API), array (of arrays) or f32 (little-endian numbers)"},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "write to `FILE`; - is standard output"},
		forceFlag(), escapeFlag(),
	}
	return &urfave.Command{
		Name: "embed", Usage: "turn texts into vectors, to compare their meaning", ArgsUsage: "MODEL [TEXT|-]",
		Description: `Reads texts, one per line, each from the beginning of a document, and writes an embedding for each: the hidden state
after the last layer and the output norm, which is the input of the model's head. --pooling last takes the state after
the text's last token, which has seen the whole text. --pooling mean takes the average over all tokens. An empty line is
read as the token that separates documents. --format f32 writes [texts][channels].

Examples:
  gosling embed model.gguf "The goose flies south."
  gosling embed model.gguf --file sentences.txt --normalize --output sentences.json
  gosling embed model.gguf --pooling mean --format f32 --output vectors.f32 < sentences.txt`,
		Flags:  slices.Concat(flags, stateFlags(), modelFlags()),
		Action: embed,
	}
}

func embed(c *urfave.Context) error {
	pooling, ok := map[string]lm.Pooling{"last": lm.LastToken, "mean": lm.Mean}[c.String("pooling")]
	if !ok {
		return misuse(c, "--pooling %q: want last or mean", c.String("pooling"))
	}
	write, ok := map[string]func(io.Writer, string) embeddingWriter{"json": newJSONEmbeddings, "array": newArrayEmbeddings, "f32": newFloatEmbeddings}[c.String("format")]
	if !ok {
		return misuse(c, "--format %q: want json, array or f32", c.String("format"))
	}
	if c.String("format") == "f32" {
		if err := bytesAtTerminal(c, "--format f32"); err != nil {
			return err
		}
	}
	if err := guard(c).Try(outfile.Output{Path: c.Path("output")}); err != nil {
		return err
	}
	lines, err := embedLines(c)
	if err != nil {
		return err
	}
	m, err := openModel(c, c.Args().First())
	if err != nil {
		return err
	}
	defer m.Close()
	texts, err := tokenizeLines(m, lines)
	if err != nil {
		return err
	}
	total := 0
	for _, t := range texts {
		total += len(t)
	}
	return writeOutput(c, c.Path("output"), func(out io.Writer) error {
		w := write(out, c.Args().First())
		line, ctx := reading(c.Context, c, "embedding", total)
		defer line.End()
		err := m.Embed(ctx, texts, pooling, func(i int, e []float32) error {
			if err := finishEmbedding(e, c.Bool("normalize")); err != nil {
				return fmt.Errorf("line %d: %w", i+1, err)
			}
			return w.add(i, e)
		})
		if err != nil {
			return err
		}
		return w.end(texts)
	})
}

// embedLines returns the texts that the command line names.
func embedLines(c *urfave.Context) ([]string, error) {
	if c.NArg() == 1 && !c.IsSet("file") && term.Is(c.App.Reader) {
		return nil, misuse(c, "no text: give it as an argument, with --file or on standard input")
	}
	read, err := promptSource(c)
	if err != nil {
		return nil, err
	}
	text, err := read()
	if err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("no text to embed: the input is empty")
	}
	if n := bytes.Count(text, []byte("\n")) + 1; n > maxLines {
		return nil, fmt.Errorf("%d lines: at most %d texts can be embedded at once", n, maxLines)
	}
	lines := strings.Split(string(text), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
	}
	return lines, nil
}

func tokenizeLines(m *lm.Model, lines []string) ([][]tokenizer.Token, error) {
	vocab, err := m.Tokenizer()
	if err == nil && vocab == nil {
		err = fmt.Errorf("%s has no tokenizer, so it cannot read text", m.File().Path())
	}
	if err != nil {
		return nil, err
	}
	var texts [][]tokenizer.Token
	for i, l := range lines {
		tokens := []tokenizer.Token{lm.BeginToken(vocab)}
		if l != "" {
			if tokens, err = vocab.Encode([]byte(l)); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
		texts = append(texts, tokens)
	}
	return texts, nil
}

// finishEmbedding rejects numbers that are not finite. If normalize is set, it scales the embedding to length 1.
func finishEmbedding(e []float32, normalize bool) error {
	sum := 0.0
	for _, x := range e {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return fmt.Errorf("the embedding has numbers that are not finite: see gosling inspect --check")
	}
	if length := math.Sqrt(sum); normalize && length > 0 {
		for i, x := range e {
			e[i] = float32(float64(x) / length)
		}
	}
	return nil
}

// embeddingWriter writes embeddings one at a time, because all of them may not fit into memory.
type embeddingWriter interface {
	add(i int, e []float32) error
	end(texts [][]tokenizer.Token) error
}

type floatEmbeddings struct{ out io.Writer }

func newFloatEmbeddings(out io.Writer, _ string) embeddingWriter { return floatEmbeddings{out} }

func (f floatEmbeddings) add(_ int, e []float32) error  { return writeFloats(f.out, e) }
func (f floatEmbeddings) end([][]tokenizer.Token) error { return nil }

// jsonEmbeddings writes a JSON list with one embedding per line, between two fixed texts.
type jsonEmbeddings struct {
	out    io.Writer
	before string
	item   func(i int, e []float32) any
	after  func(texts [][]tokenizer.Token) string
}

// newJSONEmbeddings writes the format of OpenAI's embeddings API.
func newJSONEmbeddings(out io.Writer, model string) embeddingWriter {
	type embedding struct {
		Object    string    `json:"object"`
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	}
	return &jsonEmbeddings{
		out: out, before: `{"object": "list", "data": [`,
		item: func(i int, e []float32) any { return embedding{"embedding", i, e} },
		after: func(texts [][]tokenizer.Token) string {
			n := 0
			for _, t := range texts {
				n += len(t)
			}
			name, _ := json.Marshal(model) // marshalling a string cannot fail
			return fmt.Sprintf(`], "model": %s, "usage": {"prompt_tokens": %d, "total_tokens": %d}}`, name, n, n)
		},
	}
}

func newArrayEmbeddings(out io.Writer, _ string) embeddingWriter {
	return &jsonEmbeddings{
		out: out, before: "[",
		item:  func(_ int, e []float32) any { return e },
		after: func([][]tokenizer.Token) string { return "]" },
	}
}

func (j *jsonEmbeddings) add(i int, e []float32) error {
	line, err := json.Marshal(j.item(i, e))
	if err != nil {
		return err
	}
	lead := ",\n"
	if i == 0 {
		lead = j.before + "\n"
	}
	_, err = fmt.Fprintf(j.out, "%s%s", lead, line)
	return err
}

func (j *jsonEmbeddings) end(texts [][]tokenizer.Token) error {
	_, err := fmt.Fprintf(j.out, "\n%s\n", j.after(texts))
	return err
}
