package compare

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
)

// Texts of 118 bytes. Each byte is a token for the models of these tests.
const (
	book = "The goose said to the gander: let us fly away, far away,\nover the sea, and the gander said: my dear, let us not fly. \n"
	tale = "The gander said to the goose: let us fly away, far away,\nover the sea, and the goose said: my dear, let us not fly.  \n"
)

// place is a folder of models and texts.
type place struct {
	t    *testing.T
	dir  string
	opts lm.Options
}

// newPlace makes a folder with a model, base.gguf, and texts. It skips the test without ggml.
func newPlace(t *testing.T) place {
	t.Helper()
	o := ggmltest.Options()
	o.Device = "cpu"
	folder, err := ggml.Find(o)
	if err != nil {
		t.Skipf("no ggml: %v", err)
	}
	p := place{t, t.TempDir(), lm.Options{Libraries: folder, CPUVariant: o.CPUVariant, Device: "cpu", Threads: 1}}
	p.model("base.gguf", gguf.F32, nil)
	p.file("book.txt", book)
	p.file("tale.txt", tale)
	return p
}

func (p place) path(name string) string { return filepath.Join(p.dir, name) }

// file writes a file.
func (p place) file(name, data string) string {
	p.t.Helper()
	require.NoError(p.t, os.WriteFile(p.path(name), []byte(data), 0o600))
	return p.path(name)
}

// model writes a model of two layers whose tokens are the bytes.
func (p place) model(name string, typ gguf.Type, change func(*synth.Config)) Model {
	p.t.Helper()
	c := synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: 1}
	if change != nil {
		change(&c)
	}
	f, err := os.Create(p.path(name + ".pth"))
	require.NoError(p.t, err)
	require.NoError(p.t, synth.Write(f, c))
	require.NoError(p.t, f.Close())
	_, err = convert.Run(p.t.Context(), p.path(name+".pth"), p.path(name), convert.Options{Mix: p.mix(typ.String())})
	require.NoError(p.t, err)
	return Model{Path: p.path(name)}
}

func (p place) mix(name string) quant.Mix {
	p.t.Helper()
	mix, err := quant.ParseMix(name)
	require.NoError(p.t, err)
	return mix
}

// quantized writes a quantization of the base.
func (p place) quantized(name, mix string) Model {
	p.t.Helper()
	_, err := quant.Quantize(p.t.Context(), p.path("base.gguf"), p.path(name), quant.Retyping{Mix: p.mix(mix)}, quant.Options{
		Quantizer: func() (quant.Quantizer, error) { return p.opts.OpenLibrary() },
	})
	require.NoError(p.t, err)
	return Model{Path: p.path(name)}
}

// made returns a candidate that is made from the base.
func (p place) made(mix string) Candidate {
	m := p.mix(mix)
	return Candidate{Model: Model{Name: m.Name}, How: quant.Retyping{Mix: m}}
}

// setup returns options that measure the base on the book in chunks of 16 tokens.
func (p place) setup() Setup {
	return Setup{
		Options: p.opts, Base: Model{Path: p.path("base.gguf")}, Texts: []Text{{Path: p.path("book.txt")}}, Contexts: []int{16}, Work: p.path("work"),
	}
}

// options returns options that compare candidates without their speed.
func (p place) options(candidates ...Candidate) Options {
	return Options{Setup: p.setup(), Candidates: candidates, NoSpeed: true}
}

// run compares and removes the notes.
func (p place) run(o Options) Comparison {
	p.t.Helper()
	r, err := Run(p.t.Context(), o)
	require.NoError(p.t, err)
	require.NoError(p.t, r.Remove())
	left, err := FindLeft(o.Work)
	require.NoError(p.t, err)
	require.Empty(p.t, left, "the notes are removed")
	return r.Comparison
}

// log keeps events.
type log struct {
	mu              sync.Mutex
	notes, measured []string
	steps           []string // names of the steps that began
	open            int
}

func (l *log) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case e.Note != "":
		l.notes = append(l.notes, e.Note)
	case e.Measured != "":
		l.measured = append(l.measured, e.Measured)
	case e.Ended:
		l.open--
	case len(l.steps) == 0 || l.steps[len(l.steps)-1] != e.Step:
		l.steps, l.open = append(l.steps, e.Step), l.open+1
	}
}
