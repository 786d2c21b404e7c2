package server

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/service"
)

// prompt returns the model's prompt for one of a request.
func (s *Server) prompt(p api.Prompt) (service.Prompt, error) {
	m := s.o.Model
	if p.Tokens == nil && p.Parts == nil {
		made, err := m.Text(p.Text)
		return made, told(err)
	}
	vocab, err := m.Tokenizer()
	if err != nil {
		return service.Prompt{}, err
	}
	tokens, err := p.Encode(vocab)
	if err != nil {
		return service.Prompt{}, told(&service.PromptError{Err: err})
	}
	made, err := m.TokenPrompt(tokens)
	return made, told(err)
}

// prompted is a request for the texts behind one or more prompts.
type prompted struct {
	c       *call
	q       service.Request // without a prompt
	prompts []service.Prompt
}

// askTexts returns the request that a dialect's options and prompts stand for. The caller releases its Begin.
func (c *call) askTexts(o api.Options, prompts []api.Prompt) (p prompted, err error) {
	p.c = c
	if p.q, err = c.ask(o); err != nil {
		return p, err
	}
	if len(prompts) > 1 && (o.SaveState != "" || o.ReturnState != "") {
		return p, api.Invalidf("prompt", "the state behind a text is kept for one prompt only")
	}
	for _, one := range prompts {
		made, err := c.s.prompt(one)
		if err != nil {
			return p, err
		}
		p.prompts = append(p.prompts, made)
	}
	return p, nil
}

// start begins the texts of a prompt.
func (p *prompted) start(ctx context.Context, i int) (*service.Answers, error) {
	return p.c.startTexts(ctx, p.request(i))
}

// request returns the request for the texts of a prompt.
func (p *prompted) request(i int) service.Request {
	q := p.q
	q.Prompt = p.prompts[i]
	return q
}

// index returns the number of a choice of a prompt among all texts.
func (p *prompted) index(i, choice int) int { return i*max(1, p.q.Choices) + choice }

// texts are the whole texts of a prompt, and the prompt's tokens if the request asked for them.
type texts struct {
	results []service.Result
	prompt  []service.Token
}

// ends returns how the texts ended.
func (t *texts) ends() []*service.End {
	ends := make([]*service.End, len(t.results))
	for i := range t.results {
		ends[i] = &t.results[i].End
	}
	return ends
}

// whole waits for the texts of all prompts, which are computed side by side.
func (p *prompted) whole() ([]texts, error) {
	all := make([]texts, len(p.prompts))
	group, ctx := errgroup.WithContext(p.c.ctx)
	group.SetLimit(p.c.s.o.Model.Slots())
	for i := range p.prompts {
		group.Go(func() error {
			answers, err := p.start(ctx, i)
			if err != nil {
				return err
			}
			defer answers.Close()
			results, err := answers.Collect()
			all[i] = texts{results, answers.Prompt()}
			return told(err)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i := range all {
		for _, e := range all[i].ends() {
			p.c.reported(e)
		}
	}
	return all, nil
}

// stream writes the texts of one prompt after the other. next is told which comes. It returns how all texts ended.
func (p *prompted) stream(w pourer, next func(i int, answers *service.Answers)) (all []*service.End, err error) {
	for i := range p.prompts {
		answers, err := p.start(p.c.ctx, i)
		if err != nil {
			return nil, err
		}
		next(i, answers)
		ends, err := p.c.pourTexts(answers, w)
		answers.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, ends...)
	}
	return all, nil
}
