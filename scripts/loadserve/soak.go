package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// soak lets normal clients and those that misbehave ask for a long time. What the server uses at the end must be what it used after a
// sixth of the time.
func soak(ctx context.Context, o options, stderr io.Writer) (r report, err error) {
	const growth = 32 << 20 // bytes: the runtime gives memory back late
	t, jobs, err := o.open(ctx, stderr)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, t.stop()) }()
	idle := t.resources(ctx)
	early, into := o.soak/6, newRecord()
	fmt.Fprintf(stderr, "%s, then %s\n", early.Round(time.Second), (o.soak - early).Round(time.Second))
	if err := t.misused(ctx, jobs, early, into); err != nil {
		return r, err
	}
	r.Stages = append(r.Stages, into.stage("the first sixth"))
	before, err := t.settled(ctx, idle)
	if err != nil {
		return r, err
	}
	into = newRecord()
	for begin := time.Now(); time.Since(begin) < o.soak-early; {
		part := min(time.Minute, o.soak-early-time.Since(begin))
		if err := t.misused(ctx, jobs, part, into); err != nil {
			return r, err
		}
		now := t.resources(ctx)
		fmt.Fprintf(stderr, "after %s: %d MiB resident, %d goroutines, %d descriptors\n", time.Since(begin).Round(time.Second), now.RSS>>20, now.Goroutines, now.Descriptors)
	}
	r.Stages = append(r.Stages, into.stage("the rest"))
	after, err := t.settled(ctx, before)
	r.resources(before, after, growth)
	return r, err
}
