package compare

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/lock"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
)

// Answer limits the size of one line of an answers file.
var Answer = infile.Limit{Bytes: 1 << 20, What: "an answer"}

// answers holds what was collected so far. With out it is also written there, as lines of JSON: a header, then one line for each
// answer.
type answers struct {
	all       []eval.Answered
	questions []eval.Question
	out       io.Writer // nil writes nothing
	file      *os.File  // the file behind out, for Close
}

// answersHeader names the task and the model of an answers file.
type answersHeader struct {
	Task  string `json:"task"`
	Model string `json:"model"` // name of the model's file, for people
	ID    string `json:"model_id"`
}

// headerOf returns the header of a model's answers.
func headerOf(task, name string, m *lm.Model) answersHeader {
	id := m.Identity()
	return answersHeader{task, name, fmt.Sprintf("%x", id[:16])}
}

// answerLine is one line of an answers file. Question identifies the question.
type answerLine struct {
	eval.Answered
	Question string `json:"question"`
}

// questionID returns an ID of everything that a model reads and is asked in a question. It changes with the text and the
// template.
func questionID(q eval.Question) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %v %v %d", q.Kind, q.Prompt, q.Answer, q.Choices, q.Right))
	return fmt.Sprintf("%x", sum[:8])
}

// resumeAnswers opens or creates an answers file. It keeps the whole lines and cuts off an unfinished one. It returns an error
// and leaves the file unchanged if the file holds anything else.
func resumeAnswers(path string, of answersHeader, questions []eval.Question) (*answers, error) {
	if err := infile.Regular(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	a := &answers{out: f, file: f, questions: questions}
	if free, lockErr := lock.Try(f); lockErr == nil && !free {
		err = errors.New("another program is writing it")
	} else {
		err = a.read(of)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return a, nil
}

// read reads the answers in the file and truncates it after the last whole line. It writes the header if the file has none.
func (a *answers) read(of answersHeader) error {
	size, err := a.parse(a.file, of)
	if err != nil {
		return err
	}
	if err := a.file.Truncate(size); err != nil {
		return err
	}
	if _, err := a.file.Seek(size, io.SeekStart); err != nil || size > 0 {
		return err
	}
	return a.write(of)
}

// parse reads the answers in the whole lines of a file and returns the length of these lines.
func (a *answers) parse(file io.Reader, of answersHeader) (size int64, err error) {
	in := bufio.NewReaderSize(file, 64<<10) // longer than any header
	header, err := jsonLine(of)
	if err != nil {
		return 0, err
	}
	if size, err = readAnswersHeader(in, of, header); err != nil || size == 0 {
		return 0, err
	}
	for {
		line, err := readLine(in, fmt.Sprintf("line %d", len(a.all)+2))
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
		if err := a.take(line); err != nil {
			return 0, fmt.Errorf("line %d %w", len(a.all)+2, err)
		}
		size += int64(len(line))
	}
}

// readLine returns the next line with its line end. An unfinished line is io.EOF. A line longer than Answer allows is an error.
func readLine(in *bufio.Reader, name string) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if err := Answer.Check(name, int64(len(line)+len(part))); err != nil {
			return nil, err
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// jsonLine returns a value as a line of JSON.
func jsonLine(value any) ([]byte, error) {
	line, err := jsontext.Marshal(value)
	return append(line, '\n'), err
}

func (a *answers) write(what any) error {
	line, err := jsonLine(what)
	if err == nil {
		_, err = a.out.Write(line)
	}
	return err
}

// readAnswersHeader compares the first line with the wanted header and returns its length. The length is 0 if the file is empty
// or holds only the start of the header.
func readAnswersHeader(in *bufio.Reader, of answersHeader, header []byte) (int64, error) {
	line, err := in.ReadSlice('\n')
	var found answersHeader
	switch {
	case errors.Is(err, io.EOF) && bytes.HasPrefix(header, line):
		return 0, nil
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull):
		return 0, err
	case json.Unmarshal(line, &found) != nil || found.Task == "":
		return 0, errors.New("not an answers file: name another file")
	case found.Task != of.Task:
		return 0, fmt.Errorf("holds answers of another task, %s: name another file", term.Visible(found.Task))
	case found.ID != of.ID:
		return 0, fmt.Errorf("holds answers of another model, %s with other weights or settings: name another file", term.Visible(found.Model))
	}
	return int64(len(line)), nil
}

// take keeps the answer in a line if it answers the next question.
func (a *answers) take(line []byte) error {
	var one answerLine
	switch {
	case json.Unmarshal(line, &one) != nil || one.LogProb > 1e-6 || one.LogProb < -1e9:
		return errors.New("is not an answer: name another file")
	case len(a.all) == len(a.questions):
		return fmt.Errorf("answers more questions than the %d asked: the limit or the data differ", len(a.questions))
	case one.Question != questionID(a.questions[len(a.all)]):
		return errors.New("answers another question: the data, the template or the limit differ")
	}
	a.all = append(a.all, one.Answered)
	return nil
}

// add keeps the answer to the next question and writes it to out.
func (a *answers) add(one eval.Answered) error {
	id := questionID(a.questions[len(a.all)])
	a.all = append(a.all, one)
	if a.out == nil {
		return nil
	}
	return a.write(answerLine{one, id})
}

// Close closes the file, if there is one.
func (a *answers) Close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
