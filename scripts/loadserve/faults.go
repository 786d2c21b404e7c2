package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// normal is how many clients behave while others do not.
const normal = 4

// faults lets clients that misbehave ask beside normal ones, whose answers are checked.
func faults(ctx context.Context, o options, stderr io.Writer) (r report, err error) {
	t, jobs, err := o.open(ctx, stderr)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, t.stop()) }()
	before := t.resources(ctx)
	fmt.Fprintf(stderr, "faults for %s\n", o.duration)
	into := newRecord()
	if err := t.misused(ctx, jobs, o.duration, into); err != nil {
		return r, err
	}
	r.Stages = append(r.Stages, into.stage("with faults"))
	into = newRecord()
	if err := t.loop(ctx, jobs, normal, len(jobs), 0, into); err != nil {
		return r, err
	}
	r.Stages = append(r.Stages, into.stage("afterwards"))
	after, err := t.settled(ctx, before)
	r.resources(before, after, t.mayGrow())
	return r, err
}

// misused lets normal clients and those that misbehave ask until the time is up.
func (t *target) misused(ctx context.Context, jobs []*job, duration time.Duration, into *record) error {
	mischief, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	var round atomic.Int64
	for _, kind := range []func(context.Context, []*job, int) error{t.disconnect, t.disconnect, t.half, t.half, t.slow, t.malformed} {
		group.Go(func() {
			for mischief.Err() == nil {
				err := kind(mischief, jobs, int(round.Add(1)))
				if mischief.Err() == nil {
					into.misuse(err)
				}
			}
		})
	}
	err := t.loop(ctx, jobs, normal, 0, duration, into)
	cancel()
	group.Wait()
	return err
}

// disconnect closes the connection after some pieces of an answer, one more each time.
func (t *target) disconnect(ctx context.Context, jobs []*job, round int) error {
	return jobs[round%len(jobs)].drop(ctx, &t.Client, round%24)
}
