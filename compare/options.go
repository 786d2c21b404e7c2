package compare

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
)

// The types of results. Package eval describes them.
type (
	Comparison = eval.Comparison // candidates compared with a base
	Facts      = eval.Facts      // size, speed, memory and task results of a model
	Column     = eval.Column     // a text in chunks of one length
	Measured   = eval.Candidate  // the result of one candidate
	Estimate   = eval.Estimate   // a mean with its standard error
	TaskResult = eval.Task       // a model's result in a task
	ShortError = eval.ShortError // the error of a text with too few tokens
)

// Command is a program that measures speed. bench.Apart runs it.
type Command = bench.Command

// The shortest and the default length of a chunk.
const (
	MinContext     = eval.MinContext
	DefaultContext = 512
)

// Model is a model's file.
type Model struct {
	Path string
	Name string // name in results and errors; empty is Path
}

// String returns the model's name for errors.
func (m Model) String() string { return cmp.Or(m.Name, m.Path) }

// label returns the model's name for results.
func (m Model) label() string { return filepath.Base(m.String()) }

// Text is a text to measure on.
type Text struct {
	Path string // of its file, or "-" for standard input, which Data holds
	Data []byte // in UTF-8; nil reads the file
}

// name returns the text's name for errors.
func (t Text) name() string {
	if t.Path == "-" {
		return "standard input"
	}
	return t.Path
}

// Setup says what a run measures models on, and where it keeps its notes.
type Setup struct {
	lm.Options

	Base       Model
	Texts      []Text            // in a .jsonl file, the field "text" of each line
	Contexts   []int             // lengths of the chunks; nil is DefaultContext
	Chunks     int               // maximum number for each text; 0 is all
	Importance *quant.Importance // importance matrix for making the candidates; nil is none

	Calibration *quant.Calibration // for making the candidates that are Calibrated; nil if there are none
	BaseLogits  string             // file for the base's logits, read if it exists; empty keeps them in the notes
	Work        string             // folder in which the notes folder is created; empty is the one for temporary files
	Resume      bool               // resume from the notes of the same run, if there are any

	Progress func(Event) // nil drops it; called by one goroutine at a time
}

// settle fills in the defaults and returns an error if there is no text.
func (s *Setup) settle() error {
	if len(s.Contexts) == 0 {
		s.Contexts = []int{DefaultContext}
	}
	if len(s.Texts) == 0 {
		return errors.New("compare: no text")
	}
	return nil
}

// logitsPath returns the file for the base's logits of a column: BaseLogits, or one file beside it for each column. The path is
// empty if the logits are kept in the notes.
func (s *Setup) logitsPath(column int) string {
	if s.BaseLogits == "" || len(s.Texts)*len(s.Contexts) == 1 {
		return s.BaseLogits
	}
	text, context := s.Texts[column/len(s.Contexts)], s.Contexts[column%len(s.Contexts)]
	return fmt.Sprintf("%s.%d-%s.%d", s.BaseLogits, column+1, filepath.Base(text.Path), context)
}

// partSuffix ends the name of a file of base logits while it is written.
const partSuffix = ".part"

// LogitsFiles returns the files that BaseLogits asks for, and their partial files.
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
