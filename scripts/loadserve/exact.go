package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/internal/served"
)

// exact asks the same requests in every way: with 1 and 8 slots, without and with the cache, alone and from 16 clients. All texts must be
// those of the first way.
func exact(ctx context.Context, o options, stderr io.Writer) (r report, err error) {
	const company = 16
	var jobs []*job
	for _, slots := range []int{1, 8} {
		t, err := o.start(ctx, "--slots", strconv.Itoa(slots))
		if err != nil {
			return r, err
		}
		if jobs == nil {
			if jobs, err = mixture(ctx, &t.Client, cmp.Or(o.requests, 64), o.long/10); err != nil {
				return r, errors.Join(err, t.stop())
			}
			fmt.Fprintf(stderr, "asking %d requests alone\n", len(jobs))
			err = learn(ctx, &t.Client, jobs)
		}
		for _, cache := range []bool{false, true} {
			for _, clients := range []int{1, company} {
				if err != nil {
					return r, errors.Join(err, t.stop())
				}
				var cached int
				name := fmt.Sprintf("%d slots, cache %s, %d clients", slots, map[bool]string{false: "off", true: "on"}[cache], clients)
				fmt.Fprintln(stderr, name)
				into := newRecord()
				cached, err = t.all(ctx, jobs, clients, served.Body{"cache": cache}, into)
				r.Stages = append(r.Stages, into.stage(name))
				r.hold(cached > 0 == cache, "%s: %d tokens came from the cache", name, cached)
			}
		}
		if err := errors.Join(err, t.stop()); err != nil {
			return r, err
		}
	}
	return r, nil
}

// all lets clients ask for every job once, and returns how many tokens came from the cache.
func (t *target) all(ctx context.Context, jobs []*job, clients int, other served.Body, into *record) (cached int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	answers := make([]*served.Answer, len(jobs))
	var group errgroup.Group
	group.SetLimit(clients)
	for i, j := range jobs {
		group.Go(func() error {
			a, err := j.ask(ctx, &t.Client, other)
			into.answer(a, err)
			answers[i] = a
			return ctx.Err()
		})
	}
	err = group.Wait()
	for _, a := range answers {
		if a != nil {
			cached += a.Usage.Details.Cached
		}
	}
	return cached, err
}
