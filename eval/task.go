package eval

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Question is one item of a task: what the model reads, and what it should answer.
type Question struct {
	Kind   string // in tasks that have several kinds
	Prompt []tokenizer.Token
	// Answer is what should follow. The item is right if each of its tokens is the most likely one.
	Answer []tokenizer.Token
	// Choices are the first tokens of all answers, if the task offers several. The item is right if the choice with index Right is
	// the most likely of them.
	Choices []tokenizer.Token
	Right   int
}

// Answered is the result of one question.
type Answered struct {
	Kind    string       `json:"kind,omitempty"`
	Correct bool         `json:"correct"`
	LogProb float.Number `json:"log_prob"` // of the right answer
}

// Task is a model's result in one task.
type Task struct {
	Name     string       `json:"name"`
	Items    int          `json:"items"`
	Correct  int          `json:"correct"`
	Accuracy Estimate     `json:"accuracy"`
	Low      float.Number `json:"accuracy_low"` // Wilson's 95 % confidence interval
	High     float.Number `json:"accuracy_high"`
	PPL      Estimate     `json:"ppl"` // e to the mean of -ln p of the right answers

	Kinds []Kind `json:"kinds,omitempty"` // in the order of the questions
}

// Kind is a model's result in the questions of one kind.
type Kind struct {
	Name    string `json:"name"`
	Items   int    `json:"items"`
	Correct int    `json:"correct"`
}

// Questions are read side by side as long as their prompts fit into one graph, and their states into this memory.
const (
	maxQuestions   = 16
	questionMemory = 256 << 20
)

// Ask asks a model questions, each from an empty state, and passes the results to each, in order. It reads several questions side by side.
func Ask(ctx context.Context, m *engine.Model, questions []Question, each func(Answered) error) error {
	slots, err := m.NewSlots(int(max(1, min(maxQuestions, int64(len(questions)), questionMemory/m.StateBytes()))), engine.SessionOptions{})
	if err != nil {
		return err
	}
	defer slots.Close()
	for at := 0; at < len(questions); {
		n := sideBySide(questions[at:], slots.Len())
		answers, err := ask(ctx, slots, questions[at:at+n], at)
		if err != nil {
			return err
		}
		for _, a := range answers {
			if err := each(a); err != nil {
				return err
			}
		}
		at += n
	}
	return nil
}

// sideBySide returns how many of the questions, from the first on, are read together, at most most.
func sideBySide(questions []Question, most int) int {
	total := 0
	for n, q := range questions {
		total += len(q.Prompt)
		if n > 0 && total > engine.MaxChunk || n == most {
			return n
		}
	}
	return len(questions)
}

// ask reads the prompts of questions but for their last tokens. Then it reads these, and the answers but for their last tokens. first is the
// index of the first question, for errors.
func ask(ctx context.Context, slots *engine.Slots, questions []Question, first int) ([]Answered, error) {
	if err := slots.Reset(); err != nil {
		return nil, err
	}
	ends := make([][]tokenizer.Token, len(questions))
	rest := make([][]tokenizer.Token, len(questions))
	for i, q := range questions {
		at := len(q.Prompt) - 1
		rest[i] = q.Prompt[:at]
		ends[i] = slices.Concat(q.Prompt[at:], q.Answer[:max(0, len(q.Answer)-1)])
	}
	for slices.ContainsFunc(rest, func(t []tokenizer.Token) bool { return len(t) > 0 }) {
		chunk := make([][]tokenizer.Token, len(rest))
		for i, t := range rest {
			n := min(len(t), engine.MaxChunk)
			chunk[i], rest[i] = t[:n], t[n:]
		}
		if _, err := slots.Read(ctx, chunk, rwkv.NoLogits); err != nil {
			return nil, err
		}
	}
	rows, err := slots.Read(ctx, ends, rwkv.AllLogits)
	if err != nil {
		return nil, broken(err, questions, ends, first)
	}
	answers := make([]Answered, len(questions))
	logits, vocab := rows, len(rows)/len(slices.Concat(ends...))
	for i, q := range questions {
		if answers[i], err = q.grade(func(j int) []float32 { return logits[j*vocab:][:vocab] }); err != nil {
			return nil, atPosition(first+i, len(q.Prompt), err)
		}
		logits = logits[len(ends[i])*vocab:]
	}
	return answers, nil
}

// broken adds the question and the position to an error about a row that is not finite.
func broken(err error, questions []Question, ends [][]tokenizer.Token, first int) error {
	var at *engine.NotFiniteError
	if !errors.As(err, &at) {
		return err
	}
	row := at.Row
	for i, end := range ends {
		if row < len(end) {
			return atPosition(first+i, len(questions[i].Prompt)+row, err)
		}
		row -= len(end)
	}
	return err
}

// grade returns the result of a question. logits(i) are those behind the prompt and i tokens of the answer.
func (q Question) grade(logits func(i int) []float32) (Answered, error) {
	if len(q.Choices) > 0 {
		return choose(logits(0), q)
	}
	a := Answered{Kind: q.Kind, Correct: true}
	for i, token := range q.Answer {
		s, err := newSoftmax(logits(i))
		if err != nil {
			return a, err
		}
		a.LogProb += float.Number(float64(logits(i)[token]) - s.logSum)
		a.Correct = a.Correct && s.top == int(token)
	}
	return a, nil
}

func choose(logits []float32, q Question) (Answered, error) {
	s, err := newSoftmax(logits)
	if err != nil {
		return Answered{}, err
	}
	best := 0
	for i, c := range q.Choices {
		if logits[c] > logits[q.Choices[best]] {
			best = i
		}
	}
	return Answered{q.Kind, best == q.Right, float.Number(float64(logits[q.Choices[q.Right]]) - s.logSum)}, nil
}

// Grade computes the result of a task.
func Grade(name string, answers []Answered) Task {
	t := Task{Name: name, Items: len(answers)}
	var nll Sum
	for _, a := range answers {
		if a.Correct {
			t.Correct++
		}
		nll.Add(-float64(a.LogProb))
		t.count(a)
	}
	t.Accuracy, t.PPL = share(t.Correct, t.Items), nll.Mean().exp()
	low, high := wilson(t.Correct, t.Items)
	t.Low, t.High = float.Number(low), float.Number(high)
	return t
}

// count adds an answer to the result of its kind, if it has one.
func (t *Task) count(a Answered) {
	if a.Kind == "" {
		return
	}
	i := slices.IndexFunc(t.Kinds, func(k Kind) bool { return k.Name == a.Kind })
	if i < 0 {
		i = len(t.Kinds)
		t.Kinds = append(t.Kinds, Kind{Name: a.Kind})
	}
	t.Kinds[i].Items++
	if a.Correct {
		t.Kinds[i].Correct++
	}
}

// wilson returns the interval that holds the true share with 95 % confidence (E. B. Wilson, 1927).
func wilson(k, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.959964
	p, m := float64(k)/float64(n), float64(n)
	middle := (p + z*z/2/m) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/4/m/m)
	return max(0, middle-half), min(1, middle+half)
}
