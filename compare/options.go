package compare

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
)

// What is measured is described by package eval.
type (
	Comparison = eval.Comparison // of candidates with a base
	Facts      = eval.Facts      // what a model is apart from what it says
	Column     = eval.Column     // a text in chunks of some length
	Measured   = eval.Candidate  // a candidate that was compared
	Estimate   = eval.Estimate   // a mean with its standard error
	TaskResult = eval.Task       // how well a model did in a task
	ShortError = eval.ShortError // a text has too few tokens
)

// Command is a program that measures speed, as bench.Apart runs it.
type Command = bench.Command

// The least and the usual length of a chunk.
const (
	MinContext     = eval.MinContext
	DefaultContext = 512
)

// Model is a model's file.
type Model struct {
	Path string
	Name string // what results and errors call it; empty is Path
}

// String is what errors call the model.
func (m Model) String() string { return cmp.Or(m.Name, m.Path) }

// label is what results call the model.
func (m Model) label() string { return filepath.Base(m.String()) }

// Text is a text to measure on.
type Text struct {
	Path string // of its file, or "-" for standard input, which Data holds
	Data []byte // in UTF-8; nil reads the file
}

// name is what errors call the text.
func (t Text) name() string {
	if t.Path == "-" {
		return "standard input"
	}
	return t.Path
}

// Setup says on what models are measured, and where notes are kept on the way.
type Setup struct {
	lm.Options

	Base       Model
	Texts      []Text            // of a .jsonl file the field "text" of each line
	Contexts   []int             // lengths of the chunks that texts are cut into; nil is DefaultContext
	Chunks     int               // of each text at most; 0 is all
	Importance *quant.Importance // that candidates are rounded by, if any
	BaseLogits string            // file that keeps what the base says, or holds it; empty keeps it among the notes
	Work       string            // folder for the folder of notes; empty is that for temporary files
	Resume     bool              // go on with the notes of the same run, if there are some

	Clock    func() time.Time // nil is time.Now
	Progress func(Event)      // nil drops it; called by one goroutine at a time
}

// settle puts in what is left open.
func (s *Setup) settle() error {
	if s.Clock == nil {
		s.Clock = time.Now
	}
	if len(s.Contexts) == 0 {
		s.Contexts = []int{DefaultContext}
	}
	if len(s.Texts) == 0 {
		return errors.New("compare: no text")
	}
	return nil
}

// logitsPath is where the base's logits of a column are kept: the named file, or one for each column beside it. Among the notes
// it is empty.
func (s *Setup) logitsPath(column int) string {
	if s.BaseLogits == "" || len(s.Texts)*len(s.Contexts) == 1 {
		return s.BaseLogits
	}
	text, context := s.Texts[column/len(s.Contexts)], s.Contexts[column%len(s.Contexts)]
	return fmt.Sprintf("%s.%d-%s.%d", s.BaseLogits, column+1, filepath.Base(text.Path), context)
}

// partSuffix ends the name of a file of base logits while it is written.
const partSuffix = ".part"

// LogitsFiles are the files that BaseLogits asks for, and those that stand for them while they are written.
func (s *Setup) LogitsFiles() []string {
	if s.BaseLogits == "" {
		return nil
	}
	var files []string
	for column := range len(s.Texts) * max(1, len(s.Contexts)) {
		path := s.logitsPath(column)
		files = append(files, path, path+partSuffix)
	}
	return files
}
