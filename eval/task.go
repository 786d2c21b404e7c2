package eval

import (
	"context"
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

// Ask asks a model questions one after the other, each from an empty state. It passes each result to each.
func Ask(ctx context.Context, m *engine.Model, questions []Question, each func(Answered) error) error {
	b, err := m.NewSlots(1, engine.SessionOptions{})
	if err != nil {
		return err
	}
	defer b.Close()
	for i, q := range questions {
		a, err := ask(ctx, b, q)
		if err != nil {
			return atPosition(i, len(q.Prompt), err)
		}
		if err := each(a); err != nil {
			return err
		}
	}
	return nil
}

func ask(ctx context.Context, b *engine.Slots, q Question) (Answered, error) {
	logits, err := lastLogits(ctx, b, q.Prompt)
	if err != nil {
		return Answered{}, err
	}
	if len(q.Choices) > 0 {
		return choose(logits, q)
	}
	a := Answered{Kind: q.Kind, Correct: true}
	for i, token := range q.Answer {
		s, err := newSoftmax(logits)
		if err != nil {
			return a, err
		}
		a.LogProb += float.Number(float64(logits[token]) - s.logSum)
		a.Correct = a.Correct && s.top == int(token)
		if i+1 == len(q.Answer) {
			break
		}
		if logits, err = b.Read(ctx, [][]tokenizer.Token{{token}}, rwkv.LastLogits); err != nil {
			return a, err
		}
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

// lastLogits reads a prompt from an empty state and returns the logits after it.
func lastLogits(ctx context.Context, b *engine.Slots, prompt []tokenizer.Token) ([]float32, error) {
	if err := b.Reset(); err != nil {
		return nil, err
	}
	for len(prompt) > engine.MaxChunk {
		if _, err := b.Read(ctx, [][]tokenizer.Token{prompt[:engine.MaxChunk]}, rwkv.NoLogits); err != nil {
			return nil, err
		}
		prompt = prompt[engine.MaxChunk:]
	}
	return b.Read(ctx, [][]tokenizer.Token{prompt}, rwkv.LastLogits)
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
