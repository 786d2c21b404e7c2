package main

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/internal/served"
)

const (
	texts = "/v1/completions"
	chats = "/v1/chat/completions"
)

// job is a request with what it is about.
type job struct {
	kind      string
	path      string
	body      served.Body
	reference string // the answer's text when it was asked alone
}

// most is the number of tokens that a job wants at most.
func (j *job) most() int { return j.body["max_tokens"].(int) }

// mixture returns jobs of all kinds: short chats, chats behind a system prompt that they share, later turns, texts, and a few long
// prompts.
func mixture(ctx context.Context, c *served.Client, n, long int) ([]*job, error) {
	shared, _, err := c.ProseOf(ctx, 1, max(100, long/4))
	if err != nil {
		return nil, err
	}
	document, _, err := c.ProseOf(ctx, 2, long)
	if err != nil {
		return nil, err
	}
	message := func(role, text string) served.Body { return served.Body{"role": role, "content": text} }
	var jobs []*job
	for i := range n {
		text := served.Prose(uint64(100+i), 6+i%20)
		j := &job{path: chats, body: served.Body{"max_tokens": 8 + i*7%40, "seed": i + 1, "temperature": 0.8}}
		switch i % 10 {
		case 0, 1, 2, 3:
			j.kind = "short chat"
			j.body["messages"] = []served.Body{message("user", text)}
		case 4, 5:
			j.kind = "shared system prompt"
			j.body["messages"] = []served.Body{message("system", shared), message("user", text)}
		case 6:
			j.kind = "later turn"
			j.body["messages"] = []served.Body{message("user", served.Prose(uint64(i), 20)), message("assistant", served.Prose(uint64(i+1), 30)), message("user", text)}
		case 7, 8:
			j.kind, j.path = "text", texts
			j.body["prompt"] = text
		case 9:
			j.kind, j.path = "long prompt", texts
			j.body["prompt"], j.body["max_tokens"] = document+" "+text, 8
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// ask asks for a job and checks the answer. With other fields it asks in another way, which must not change the text.
func (j *job) ask(ctx context.Context, c *served.Client, other served.Body) (*served.Answer, error) {
	a, err := c.Stream(ctx, j.path, j.body.With(other), nil)
	if err == nil {
		err = j.check(a)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", j.kind, err)
	}
	return a, err
}

// learn asks for all jobs alone and keeps the texts as references.
func learn(ctx context.Context, c *served.Client, jobs []*job) error {
	for _, j := range jobs {
		a, err := j.ask(ctx, c, served.Body{"cache": false})
		if err != nil {
			return err
		}
		if a.Usage.Details.Cached != 0 {
			return fmt.Errorf("%s: %d tokens came from the cache, which the request forbade", j.kind, a.Usage.Details.Cached)
		}
		j.reference = text(a)
	}
	return nil
}

// text returns all text of an answer.
func text(a *served.Answer) string { return a.Thoughts + "\x00" + a.Text }

// check returns an error if an answer is not what it must be.
func (j *job) check(a *served.Answer) error {
	switch got := text(a); {
	case a.Finish != "stop" && a.Finish != "length":
		return fmt.Errorf("finish_reason is %q", a.Finish)
	case a.Usage.Completed < 1 || a.Usage.Completed > j.most():
		return fmt.Errorf("%d tokens, want 1 to %d", a.Usage.Completed, j.most())
	case a.Finish == "length" && a.Usage.Completed != j.most():
		return fmt.Errorf("it ended at a limit of %d tokens, want %d", a.Usage.Completed, j.most())
	case a.Usage.Prompt < 1 || a.Usage.Details.Cached > a.Usage.Prompt:
		return fmt.Errorf("%d tokens in the prompt, %d of them cached", a.Usage.Prompt, a.Usage.Details.Cached)
	case !utf8.ValidString(got):
		return errors.New("the text is not UTF-8")
	case j.reference != "" && got != j.reference:
		return fmt.Errorf("the text is %.60q, but %.60q when it was asked alone", got, j.reference)
	}
	return nil
}
