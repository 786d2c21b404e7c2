package lm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/guide"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Options say how to open a model. The zero value runs it on the best device, with the libraries in the usual places.
type Options struct {
	Libraries  string       // folder with ggml's libraries; if empty, the usual places (docs/ggml.md)
	CPUVariant string       // build of the CPU backend, such as "haswell"; if empty, the best one for this processor
	Device     string       // name of the device, such as "cpu" or "vulkan0"; empty or "auto" picks the best one
	GPULayers  *int         // layers on the device, where the output counts as one more; nil means as many as fit
	Threads    int          // CPU threads; 0 chooses
	Kernels    string       // Gosling's own kernels for products on the CPU: "on", "off" or a level such as "avx2"; empty or "auto" is the best level
	NoMmap     bool         // read the weights into memory instead of mapping the file
	State      State        // what texts begin with; the zero value follows the model's file
	Log        *slog.Logger // messages about loading; nil drops them
	GGMLLog    *slog.Logger // ggml's own messages; nil drops them
}

// OpenLibrary opens ggml according to the options.
func (o Options) OpenLibrary() (*ggml.Library, error) {
	return ggml.Open(ggml.Options{Folder: o.Libraries, Device: o.Device, CPUVariant: o.CPUVariant, Log: o.GGMLLog})
}

// CheckKernels returns an error if Options.Kernels cannot have this value. For an unknown value it is a KernelsError. The other
// errors say what this processor lacks.
func CheckKernels(value string) error {
	_, err := kernels.ParseLevel(value)
	return err
}

// Quantizer opens ggml for quantizing and converting (see quant.Options).
func (o Options) Quantizer() (quant.Quantizer, error) {
	lib, err := o.OpenLibrary()
	if err != nil {
		return nil, err
	}
	return lib, nil
}

// engine returns the options of the model itself.
func (o Options) engine() engine.Options {
	return engine.Options{Device: o.Device, GPULayers: o.GPULayers, Threads: o.Threads, Kernels: o.Kernels, NoMmap: o.NoMmap, Log: o.Log}
}

// CheckpointError is the error of opening a checkpoint as a model. The checkpoint must be converted first.
type CheckpointError struct {
	Path, Format string
}

func (e *CheckpointError) Error() string {
	return fmt.Sprintf("%s: is a checkpoint (%s), not a GGUF model", e.Path, e.Format)
}

// Model is a language model ready to use. It may be shared between goroutines. Its sessions and conversations belong to one
// goroutine at a time.
type Model struct {
	*engine.Model
	begin    *engine.Beginning
	vocab    tokenizer.Tokenizer
	vocabErr error
	guides   *guide.Guides // nil without a tokenizer
}

// Open loads the GGUF model at path. If the state comes from a pipe, Open waits for it until ctx ends. For a checkpoint the error
// is a CheckpointError, or the reason why it cannot be converted. The caller closes the model.
func Open(ctx context.Context, path string, o Options) (*Model, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err // before looking for ggml
	}
	lib, err := o.OpenLibrary()
	if err != nil {
		return nil, err
	}
	e, err := engine.Load(lib, path, o.engine())
	if err != nil {
		return nil, Explain(path, err)
	}
	m := &Model{Model: e}
	if m.begin, err = o.State.read(ctx, e); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	if m.vocab, m.vocabErr = vocabulary(e.File()); m.vocab != nil {
		m.guides = guide.For(m.vocab)
	}
	return m, nil
}

// NewSession returns a session at the beginning of a text, with the state of Options.State. The caller closes it.
func (m *Model) NewSession() (*engine.Session, error) {
	return m.Model.NewSession(engine.SessionOptions{Begin: m.begin})
}

// Beginning returns what texts begin with, or nil for the model's own beginning.
func (m *Model) Beginning() *engine.Beginning { return m.begin }

// OpenFile opens the GGUF model at path to read its header and tensors. It returns the same errors as Open.
func OpenFile(path string) (*gguf.File, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, Explain(path, err)
	}
	return f, nil
}

// Explain improves the error of reading the GGUF model at path. If the file is a checkpoint, Explain returns a CheckpointError,
// or the reason why it cannot be converted. Otherwise it returns err.
func Explain(path string, err error) error {
	var bad *gguf.FormatError
	if !errors.As(err, &bad) || gguf.Is(path) {
		return err
	}
	file, openErr := formats.Open(path)
	if errors.Is(openErr, formats.ErrUnknown) {
		return err
	}
	if openErr != nil {
		return openErr
	}
	defer file.Close()
	if problems := convert.Check(file); len(problems) > 0 {
		return fmt.Errorf("%s: %w", path, problems[0])
	}
	return &CheckpointError{path, file.Format}
}

// vocabulary returns the tokenizer in a model's file. It returns nil and no error if there is none.
func vocabulary(f *gguf.File) (tokenizer.Tokenizer, error) {
	v, err := tokenizer.FromGGUF(f)
	if errors.Is(err, tokenizer.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path(), err)
	}
	return v, nil
}

// Tokenizer returns the model's own tokenizer. It returns nil and no error if the file has none.
func (m *Model) Tokenizer() (tokenizer.Tokenizer, error) { return m.vocab, m.vocabErr }

// NewGuide returns the guide of a text, or nil if the options allow any text. The caller closes it. Without a tokenizer the error is a
// NoTokenizerError; guide.Guides.New tells the others.
func (m *Model) NewGuide(o guide.Options) (*guide.Guide, error) {
	if o.Form == nil && o.Budget == nil {
		return nil, nil
	}
	if _, err := m.TextTokenizer(); err != nil {
		return nil, err
	}
	return m.guides.New(o)
}

// GuideAnswer returns the guide of an answer in a format, or nil if any text will do. form is what the answer must look like if it is in
// words; nil is any text. begun is the part of the answer that is there already, after its start. The caller closes the guide.
func (m *Model) GuideAnswer(f chat.Format, start prompt.Think, form *grammar.Part, begun string) (*guide.Guide, error) {
	o := guide.Options{Form: form, Begun: begun, Ends: m.EndTokens(f.Template), Stops: f.Stops}
	if f.Verbatim {
		return m.NewGuide(o)
	}
	if whole, ok := f.Grammar(start, form); ok {
		o.Form = &whole
	}
	return m.NewGuide(o)
}

// Template returns the prompt template that the model was trained on, judged by its name, architecture and vocabulary.
func (m *Model) Template() prompt.Template {
	t, _ := m.JudgeTemplate()
	return t
}

// JudgeTemplate is Template with the reason for the choice.
func (m *Model) JudgeTemplate() (t prompt.Template, why string) {
	name, _ := m.File().String("general.name")
	base, _ := m.File().String("general.basename")
	return prompt.Judge(strings.Join([]string{name, base, filepath.Base(m.File().Path())}, " "), m.Config().Arch, m.Vocab())
}
