package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/api/responses"
	"github.com/gosling-rwkv/gosling/service"
)

// The events of a response that has ended are kept for jobLife, and no more than jobBytes of all such responses.
const (
	jobLife  = 10 * time.Minute
	jobBytes = 32 << 20
)

// job is a response that goes on without its client.
type job struct {
	w       *responseWriter
	created []byte // the response as it began
	cancel  context.CancelFunc
	done    chan struct{} // closed at the end

	mu      sync.Mutex
	events  [][]byte // by their numbers
	bytes   int      // of the events
	changed chan struct{}
	stopped bool      // a client ended it
	last    []byte    // the response as it ended
	ended   time.Time // zero before
}

// background answers at once. The response goes on until its end, that of the server, or until a client cancels it.
func (c *call) background(w *responseWriter, q service.Request) error {
	ctx, cancel := context.WithCancel(c.s.life.stopped)
	answers, err := c.startTexts(ctx, q)
	if err != nil {
		cancel()
		q.Begin.Release()
		return err
	}
	// The rest of the work belongs to a call of its own. What counts running requests ends with it.
	rest := &call{
		r: c.r, ctx: ctx, id: c.id, route: c.route, tenant: c.tenant, report: c.report, s: c.s, w: &writer{status: http.StatusOK},
		cancel: func(error) { cancel() }, begin: c.begin, leaving: c.leaving,
	}
	c.leaving, c.report, w.c = nil, report{}, rest
	j := &job{w: w, cancel: cancel, done: make(chan struct{}), changed: make(chan struct{})}
	begin := w.stream.Start()
	j.created = responses.Encode(w.stream.Response)
	_ = j.add(begin)
	c.s.jobs.add(j)
	go func() {
		defer cancel()
		defer rest.leave()
		defer q.Begin.Release()
		defer answers.Close()
		j.run(rest, answers)
	}()
	if w.r.Stream {
		return c.follow(j, 0)
	}
	return c.answer(http.StatusOK, j.created)
}

// run makes the response.
func (j *job) run(c *call, answers *service.Answers) {
	ends, err := j.pour(c, answers)
	switch {
	case err == nil:
	case j.wasStopped():
		_ = j.add(j.w.close(responses.End{Status: responses.Cancelled, Usage: usage(ends...)}))
	default:
		e, all := c.told(err)
		if !all {
			c.s.o.Log.Error("a request failed", "id", c.id, "error", withoutPaths(err))
		}
		_ = j.add(j.w.fail(e))
	}
	j.mu.Lock()
	j.last, j.ended = responses.Encode(j.w.stream.Response), c.s.o.Now()
	close(j.changed)
	j.mu.Unlock()
	close(j.done)
	c.s.metrics.work(c)
	c.log()
}

// pour makes the events of the answers. A panic is an error.
func (j *job) pour(c *call, answers *service.Answers) (ends []*service.End, err error) {
	defer c.recover(&err)
	return c.pourInto(answers, j.w, j.add)
}

// add adds events. Its error is always nil.
func (j *job) add(events [][]byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range events {
		j.events = append(j.events, e)
		j.bytes += len(e)
	}
	close(j.changed)
	j.changed = make(chan struct{})
	return nil
}

// end ends the job as its client wants, unless it has ended. It returns when the job has ended.
func (j *job) end(c *call) error {
	j.mu.Lock()
	j.stopped = true
	j.mu.Unlock()
	j.cancel()
	select {
	case <-j.done:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}

func (j *job) wasStopped() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stopped
}

func (j *job) hasEnded() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return !j.ended.IsZero()
}

// response returns the response as it began, or as it ended.
func (j *job) response() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.last != nil {
		return j.last
	}
	return j.created
}

// from returns the events from a number on, whether they are the last ones, and what is closed when there are more.
func (j *job) from(next int) (events [][]byte, last bool, changed chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.events[min(next, len(j.events)):], !j.ended.IsZero(), j.changed
}

// follow streams the events of a job from a number on, until its end.
func (c *call) follow(j *job, next int) error {
	stream, err := c.stream()
	if err != nil {
		return err
	}
	for {
		events, last, changed := j.from(next)
		if err := stream.sendAll(events); err != nil || last {
			return err
		}
		next += len(events)
		select {
		case <-changed:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
}

// jobs are the responses that go on without their clients, and those that did so until a while ago.
type jobs struct {
	mu  sync.Mutex
	all map[[2]string]*job // by tenant and id
}

func (s *jobs) find(tenant, id string) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[[2]string{tenant, id}]
}

func (s *jobs) remove(tenant, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, [2]string{tenant, id})
}

// add adds a job, and forgets the events of others that have ended.
func (s *jobs) add(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[[2]string]*job{}
	}
	s.forget(j.w.c.s.o.Now())
	s.all[[2]string{j.w.c.tenant.Name, j.w.stream.Response.ID}] = j
}

// forget drops the jobs that ended too long ago, and then the oldest that take too much memory together.
func (s *jobs) forget(now time.Time) {
	for {
		var oldest [2]string
		var at time.Time
		bytes := 0
		for key, j := range s.all {
			j.mu.Lock()
			if !j.ended.IsZero() {
				bytes += j.bytes
				if at.IsZero() || j.ended.Before(at) {
					oldest, at = key, j.ended
				}
			}
			j.mu.Unlock()
		}
		if at.IsZero() || bytes <= jobBytes && now.Sub(at) < jobLife {
			return
		}
		delete(s.all, oldest)
	}
}
