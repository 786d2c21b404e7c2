package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosling-rwkv/gosling/internal/served"
)

// pooled is how many different jobs a mixture has.
const pooled = 40

// open starts or finds the server, and learns the references of a mixture.
func (o options) open(ctx context.Context, stderr io.Writer) (*target, []*job, error) {
	t, err := o.start(ctx)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(stderr, "asking %d requests alone\n", pooled)
	jobs, err := mixture(ctx, &t.Client, pooled, o.long)
	if err == nil {
		err = learn(ctx, &t.Client, jobs)
	}
	if err != nil {
		return nil, nil, errors.Join(err, t.stop())
	}
	return t, jobs, nil
}

// load lets more and more clients ask.
func load(ctx context.Context, o options, stderr io.Writer) (r report, err error) {
	t, jobs, err := o.open(ctx, stderr)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, t.stop()) }()
	before := t.resources(ctx)
	for _, clients := range o.clients {
		fmt.Fprintf(stderr, "%d clients\n", clients)
		into := newRecord()
		if err := t.loop(ctx, jobs, clients, o.requests, o.duration, into); err != nil {
			return r, err
		}
		r.Stages = append(r.Stages, into.stage(fmt.Sprintf("%d clients", clients)))
	}
	after, err := t.settled(ctx, before)
	r.resources(before, after, t.mayGrow())
	return r, err
}

// Bounds of a server that is started, and what its memory may grow by in all: those, and 128 MiB for requests, buffers and the runtime.
const (
	kept      = 256 << 20 // bytes of states that are kept
	waiting   = 256 << 20 // bytes of states that wait for a slot
	maxGrowth = kept + waiting + 128<<20
)

// mayGrow returns maxGrowth, or -1 for a server that was started by others with bounds of its own.
func (t *target) mayGrow() int64 {
	if t.process == nil {
		return -1
	}
	return maxGrowth
}

// loop lets clients ask, each one request after the other, until the time is up or the number of requests is reached, if it is not 0.
// Failed requests are noted. The error is the end of ctx or of the server.
func (t *target) loop(ctx context.Context, jobs []*job, clients, requests int, duration time.Duration, into *record) error {
	end := time.Now().Add(duration)
	var next atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if requests > 0 && i >= requests || requests == 0 && time.Now().After(end) {
					return
				}
				a, err := jobs[i%len(jobs)].asked(ctx, &t.Client, i)
				if ctx.Err() == nil {
					into.answer(a, err)
				}
			}
		})
	}
	group.Wait()
	if t.process != nil {
		if err := t.process.Alive(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// asked asks for a job the i-th time. Every seventh client gives up after a few pieces and asks again.
func (j *job) asked(ctx context.Context, c *served.Client, i int) (*served.Answer, error) {
	if i%7 == 6 {
		if err := j.drop(ctx, c, 1+i%5); err != nil {
			return nil, err
		}
	}
	return j.ask(ctx, c, nil)
}

// errDropped ends a stream that its client no longer wants.
var errDropped = errors.New("dropped")

// drop asks for a job and closes the connection after some pieces, or at once if there are none to come.
func (j *job) drop(ctx context.Context, c *served.Client, pieces int) error {
	a, err := c.Stream(ctx, j.path, j.body, func(a *served.Answer) error {
		if len(a.Pieces) >= pieces {
			return errDropped
		}
		return nil
	})
	if errors.Is(err, errDropped) {
		return nil
	}
	if err == nil {
		err = j.check(a)
	}
	return err
}
