package eval

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Lambada reads the questions of a lambada_test.jsonl. The answer is the last word of each text, with the blank before it.
// Prompts begin with EndOfText, as in RWKV's own evaluation.
func Lambada(data []byte, vocab tokenizer.Tokenizer) ([]Question, error) {
	var questions []Question
	for i, line := range lines(data) {
		if err := room(questions); err != nil {
			return nil, err
		}
		var item struct{ Text string }
		if err := json.Unmarshal(line, &item); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, excerpt.Error(err))
		}
		blank := strings.LastIndexByte(item.Text, ' ')
		if blank < 1 || blank == len(item.Text)-1 {
			return nil, fmt.Errorf("line %d: its \"text\" has no last word after a blank", i+1)
		}
		q, err := question(vocab, item.Text[:blank])
		if err == nil {
			q.Answer, err = vocab.Encode([]byte(item.Text[blank:]))
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		questions = append(questions, q)
	}
	if len(questions) == 0 {
		return nil, fmt.Errorf("holds no questions")
	}
	return questions, nil
}

// Tasks reads questions with one right answer from lines of JSON. A line has task (the question's kind), question and answer.
// frame returns both in the form of the model's conversations: the prompt, and the text that should follow.
func Tasks(data []byte, vocab tokenizer.Tokenizer, frame func(question, answer string) (prompt, follows string)) ([]Question, error) {
	var questions []Question
	for i, line := range lines(data) {
		if err := room(questions); err != nil {
			return nil, err
		}
		var item struct{ Task, Question, Answer string }
		err := excerpt.Error(json.Unmarshal(line, &item))
		if err == nil && (item.Question == "" || item.Answer == "") {
			err = fmt.Errorf("it has no \"question\" or no \"answer\"")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		prompt, follows := frame(item.Question, item.Answer)
		q, err := question(vocab, prompt)
		if err == nil {
			q.Answer, err = vocab.Encode([]byte(follows))
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		q.Kind = item.Task
		questions = append(questions, q)
	}
	if len(questions) == 0 {
		return nil, fmt.Errorf("holds no questions")
	}
	return questions, nil
}

// MaxQuestions is the maximum number of questions in a task.
const MaxQuestions = 1 << 20

// room returns an error if no more questions are allowed.
func room(questions []Question) error {
	if len(questions) < MaxQuestions {
		return nil
	}
	return fmt.Errorf("holds more than %d questions", MaxQuestions)
}

// lines yields the lines of a text that are not blank, with their numbers from 0.
func lines(data []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		i := 0
		for line := range bytes.Lines(data) {
			if len(bytes.TrimSpace(line)) > 0 && !yield(i, line) {
				return
			}
			i++
		}
	}
}

func question(vocab tokenizer.Tokenizer, prompt string) (Question, error) {
	tokens, err := vocab.Encode([]byte(prompt))
	return Question{Prompt: append([]tokenizer.Token{tokenizer.EndOfText}, tokens...)}, err
}

// MMLU reads the questions in a folder of MMLU's CSV files, SUBJECT_test.csv, or in its folder "test". read returns the text of a
// file. A row holds a question, four answers and the letter of the right one. The subject is the question's kind.
func MMLU(dir string, read func(path string) ([]byte, error), vocab tokenizer.Tokenizer) ([]Question, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.csv"))
	if len(files) == 0 && err == nil {
		files, err = filepath.Glob(filepath.Join(dir, "test", "*_test.csv"))
	}
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: holds no SUBJECT_test.csv, and neither does its folder \"test\"", dir)
	}
	var choices []tokenizer.Token
	for _, letter := range []string{" A", " B", " C", " D"} {
		tokens, err := vocab.Encode([]byte(letter))
		if err != nil || len(tokens) != 1 {
			return nil, fmt.Errorf("the vocabulary has no token for %q, which the task needs", letter)
		}
		choices = append(choices, tokens[0])
	}
	slices.Sort(files)
	var questions []Question
	for _, path := range files {
		some, err := mmluSubject(path, read, vocab, choices)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if questions = append(questions, some...); len(questions) > MaxQuestions {
			return nil, fmt.Errorf("%s: holds more than %d questions", dir, MaxQuestions)
		}
	}
	return questions, nil
}

func mmluSubject(path string, read func(path string) ([]byte, error), vocab tokenizer.Tokenizer, choices []tokenizer.Token) ([]Question, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	if what := filekind.Recognize(data, "task"); what != "" {
		return nil, errors.New(what)
	}
	subject := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), "_test.csv"), "_", " ")
	return mmluRows(bytes.NewReader(data), subject, vocab, choices)
}

// mmluRows reads the questions of a subject. choices are the tokens of the four letters.
func mmluRows(r io.Reader, subject string, vocab tokenizer.Tokenizer, choices []tokenizer.Token) ([]Question, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = 6
	var questions []Question
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return questions, nil
		}
		if err == nil {
			err = room(questions)
		}
		if err != nil {
			return nil, err
		}
		right := strings.Index("ABCD", strings.TrimSpace(row[5]))
		if right < 0 || len(strings.TrimSpace(row[5])) != 1 {
			line, _ := rows.FieldPos(5)
			return nil, fmt.Errorf("line %d: the right answer is %s, want A, B, C or D", line, excerpt.Of(row[5]))
		}
		q, err := question(vocab, mmluPrompt(subject, row))
		if err != nil {
			return nil, err
		}
		q.Kind, q.Choices, q.Right = subject, choices, right
		questions = append(questions, q)
	}
}

// mmluPrompt returns a question in the form of RWKV's own evaluation.
func mmluPrompt(subject string, row []string) string {
	text := fmt.Sprintf("User: You are a very talented expert in %s. Answer this question:\n%s\nA. %s\nB. %s\nC. %s\nD. %s\n\nAssistant: The answer is",
		subject, row[0], row[1], row[2], row[3], row[4])
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}
