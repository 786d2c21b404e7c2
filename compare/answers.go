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

// Answer is how large a line of a file of answers may be.
var Answer = infile.Limit{Bytes: 1 << 20, What: "an answer"}

// answers holds what was collected so far. With out it is also written there, as lines of JSON: a header, then one line for each
// answer.
type answers struct {
	all       []eval.Answered
	questions []eval.Question
	out       io.Writer // nil for none
	file      *os.File  // out, if it is to be closed
}

// answersHeader says whose answers a file holds.
type answersHeader struct {
	Task  string `json:"task"`
	Model string `json:"model"` // its file's name, for people
	ID    string `json:"model_id"`
}

// headerOf is the header of a model's answers.
func headerOf(task, name string, m *lm.Model) answersHeader {
	id := m.Identity()
	return answersHeader{task, name, fmt.Sprintf("%x", id[:16])}
}

// answerLine is an answer in a file, with what tells its question from others.
type answerLine struct {
	eval.Answered
	Question string `json:"question"`
}

// questionID tells questions apart by everything that a model reads and is asked. So another text, template, number of questions
// or task gives another one.
func questionID(q eval.Question) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %v %v %d", q.Kind, q.Prompt, q.Answer, q.Choices, q.Right))
	return fmt.Sprintf("%x", sum[:8])
}

// resumeAnswers takes the whole lines of a file and cuts off what a line was begun. A file that holds anything else is left as it
// is.
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

// read takes what the file holds and brings it to the end of the last whole line.
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

// parse takes the answers in the whole lines of a file and returns the length of these lines.
func (a *answers) parse(file io.Reader, of answersHeader) (size int64, err error) {
	in := bufio.NewReaderSize(file, 64<<10) // which no header fills
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

// readLine reads up to the end of a line, with it. A line that was begun is io.EOF, and a longer one than Answer allows an error.
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

// jsonLine is a value as a line.
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

// readAnswersHeader compares the first line with the header that is wanted and returns its length: 0 if the file is empty or a
// header was begun.
func readAnswersHeader(in *bufio.Reader, of answersHeader, header []byte) (int64, error) {
	line, err := in.ReadSlice('\n')
	var found answersHeader
	switch {
	case errors.Is(err, io.EOF) && bytes.HasPrefix(header, line):
		return 0, nil
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull):
		return 0, err
	case json.Unmarshal(line, &found) != nil || found.Task == "":
		return 0, errors.New("holds something else than answers: name another file")
	case found.Task != of.Task:
		return 0, fmt.Errorf("holds answers of another task, %s: name another file", term.Visible(found.Task))
	case found.ID != of.ID:
		return 0, fmt.Errorf("holds answers of another model, %s with other weights or settings: name another file", term.Visible(found.Model))
	}
	return int64(len(line)), nil
}

// take keeps the answer in a line if it is one to the next question.
func (a *answers) take(line []byte) error {
	var one answerLine
	switch {
	case json.Unmarshal(line, &one) != nil || one.LogProb > 1e-6 || one.LogProb < -1e9:
		return errors.New("is no answer: name another file")
	case len(a.all) == len(a.questions):
		return fmt.Errorf("answers a question more than the %d that are asked: the limit or the data differ", len(a.questions))
	case one.Question != questionID(a.questions[len(a.all)]):
		return errors.New("answers another question: the data, the template or the limit differ")
	}
	a.all = append(a.all, one.Answered)
	return nil
}

// add keeps the answer to the next question.
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
