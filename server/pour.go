package server

import (
	"bytes"
	"time"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/service"
)

// pourer writes the events of a stream in a dialect. Each method returns whole events.
type pourer interface {
	begin(choice int) [][]byte // before the first part of a text
	progress(p *service.Progress) [][]byte
	part(choice int, p service.Part, n int, t *api.Timings) [][]byte // n is the tokens so far; t is nil unless everyTimings
	end(choice int, e *service.End) [][]byte
	done(ends []*service.End) [][]byte // behind the ends of all texts
	everyTimings() bool                // the client wants the timings with every part
}

// pour streams answers as they come.
func (c *call) pour(answers *service.Answers, w pourer) error {
	ends, err := c.pourTexts(answers, w)
	if err != nil {
		return err
	}
	return c.streaming.sendAll(w.done(ends))
}

// pourTexts streams answers up to their ends, which it returns.
func (c *call) pourTexts(answers *service.Answers, w pourer) ([]*service.End, error) {
	if c.streaming == nil {
		if _, err := c.stream(); err != nil {
			return nil, err
		}
	}
	return c.pourInto(answers, w, c.streaming.sendAll)
}

// pourInto gives the events of answers to send, up to the ends of the answers, which it returns.
func (c *call) pourInto(answers *service.Answers, w pourer, send func([][]byte) error) ([]*service.End, error) {
	p := pouring{c: c, w: w, send: send, begun: map[int]bool{}}
	for e, ok := answers.Next(); ok; e, ok = answers.Next() {
		if err := p.event(e); err != nil {
			return p.ends, err
		}
	}
	return p.ends, nil
}

// sendAll writes several events at once.
func (s *stream) sendAll(events [][]byte) error {
	if len(events) == 0 {
		return nil
	}
	return s.send(bytes.Join(events, nil))
}

// pouring is a stream of answers under way.
type pouring struct {
	c     *call
	w     pourer
	send  func([][]byte) error
	begun map[int]bool // choices
	ends  []*service.End
	read  service.Progress // the last one
	first time.Time        // when the first part came
}

func (p *pouring) event(e service.Event) error {
	if e.Read != nil {
		p.read = *e.Read
		return p.send(p.w.progress(e.Read))
	}
	if p.c.report.first == 0 {
		p.c.report.first = p.c.s.o.Now().Sub(p.c.begin)
	}
	if !p.begun[e.Choice] && (e.End == nil || e.End.Err == nil) {
		p.begun[e.Choice] = true
		if err := p.send(p.w.begin(e.Choice)); err != nil {
			return err
		}
	}
	if p.first.IsZero() {
		p.first = time.Now()
	}
	for _, part := range each(e.Parts) {
		var t *api.Timings
		if p.w.everyTimings() {
			t = &api.Timings{
				Cached: p.read.Cached, Prompt: p.read.Total - p.read.Cached, Read: p.read.Time,
				Predicted: e.Tokens, Decoded: time.Since(p.first),
			}
		}
		if err := p.send(p.w.part(e.Choice, part, e.Tokens, t)); err != nil {
			return err
		}
	}
	if e.End == nil {
		return nil
	}
	p.c.reported(e.End)
	p.ends = append(p.ends, e.End)
	if err := ended(e.End); err != nil {
		return err
	}
	return p.send(p.w.end(e.Choice, e.End))
}

// each divides parts so that each has one token, if tokens are told and none of them has text in an earlier part.
func each(parts []service.Part) (all []service.Part) {
	for _, p := range parts {
		joined := ""
		for _, t := range p.Tokens {
			joined += t.Text
		}
		if len(p.Tokens) < 2 || joined != p.Text {
			all = append(all, p)
			continue
		}
		for _, t := range p.Tokens {
			all = append(all, service.Part{Kind: p.Kind, Text: t.Text, Tokens: []service.Token{t}})
		}
	}
	return all
}

// collect waits for the whole texts.
func (c *call) collect(answers *service.Answers) ([]service.Result, []*service.End, error) {
	results, err := answers.Collect()
	var ends []*service.End
	for i := range results {
		c.reported(&results[i].End)
		ends = append(ends, &results[i].End)
	}
	if err != nil {
		return nil, nil, told(err)
	}
	return results, ends, nil
}
