package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	urfave "github.com/urfave/cli/v2"

	"gosling/eval"
)

// answers are those so far, in memory and in a file if there is one: a line that says whose they are, and one for each.
type answers struct {
	all  []eval.Answered
	out  io.Writer // nil for none
	file *os.File  // out, if it is to be closed
}

// answersHeader says whose answers a file holds.
type answersHeader struct {
	Task  string `json:"task"`
	Model string `json:"model"`
	Size  int64  `json:"model_size"`
}

// openAnswers goes on with the file that --answers names, or makes it.
func openAnswers(c *urfave.Context, of answersHeader, most int) (*answers, error) {
	path := c.Path("answers")
	if path == "" {
		return &answers{}, nil
	}
	if path == "-" {
		a := &answers{out: c.App.Writer}
		return a, a.write(of)
	}
	if _, err := os.Stat(path); err == nil && !c.Bool("resume") {
		if !c.Bool("force") {
			return nil, fmt.Errorf("%s exists: add --resume to go on, or --force to begin anew", path)
		}
		if err := os.Truncate(path, 0); err != nil {
			return nil, err
		}
	}
	return resumeAnswers(path, of, most)
}

// resumeAnswers takes the whole lines of a file and cuts off what a line was begun.
func resumeAnswers(path string, of answersHeader, most int) (*answers, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	a := &answers{out: f, file: f}
	if err := a.read(of, most); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return a, nil
}

func (a *answers) read(of answersHeader, most int) error {
	data, err := io.ReadAll(a.file)
	if err != nil {
		return err
	}
	all, whole, err := parseAnswers(data, of, most)
	if err != nil {
		return err
	}
	a.all = all
	if err := a.file.Truncate(int64(whole)); err != nil {
		return err
	}
	if _, err := a.file.Seek(int64(whole), io.SeekStart); err != nil || whole > 0 {
		return err
	}
	return a.write(of)
}

// parseAnswers reads a file of answers, at most most of them, and returns the length of its whole lines.
func parseAnswers(data []byte, of answersHeader, most int) (all []eval.Answered, whole int, err error) {
	whole = bytes.LastIndexByte(data, '\n') + 1
	for i, line := range bytes.SplitAfter(data[:whole], []byte("\n")) {
		var header answersHeader
		var one eval.Answered
		switch {
		case len(line) == 0:
		case i == 0:
			if err := json.Unmarshal(line, &header); err != nil || header != of {
				return nil, 0, fmt.Errorf("holds answers of another model or task, or something else: name another file")
			}
		case len(all) == most || json.Unmarshal(line, &one) != nil || one.LogProb > 1e-6 || one.LogProb < -1e9:
			return nil, 0, fmt.Errorf("line %d is no answer to these questions: name another file", i+1)
		default:
			all = append(all, one)
		}
	}
	return all, whole, nil
}

func (a *answers) add(one eval.Answered) error {
	a.all = append(a.all, one)
	if a.out == nil {
		return nil
	}
	return a.write(one)
}

func (a *answers) write(what any) error {
	line, err := marshalJSON(what)
	if err == nil {
		_, err = a.out.Write(line)
	}
	return err
}

// Close closes the file, if there is one.
func (a *answers) Close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
