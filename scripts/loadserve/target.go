package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/internal/served"
)

// target is the server that is asked.
type target struct {
	served.Client
	pid       int // 0 if unknown
	process   *served.Process
	log       served.Tail // of the process
	transport *http.Transport
}

// start returns the running server that the flags name, or starts one with more flags.
func (o options) start(ctx context.Context, more ...string) (*target, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 128
	t := &target{transport: transport, pid: o.pid}
	t.Client = served.Client{URL: strings.TrimSuffix(o.url, "/"), Key: o.key, HTTP: &http.Client{Transport: transport}}
	if o.url != "" {
		return t, nil
	}
	args := []string{"serve", "--deterministic", "--state-cache", strconv.Itoa(kept), "--state-memory", strconv.Itoa(waiting)}
	args = append(append(append(args, more...), strings.Fields(o.goslingArgs)...), o.model)
	var err error
	if t.process, err = served.Start(ctx, &t.log, o.gosling, args...); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, t.log.String())
	}
	t.URL, t.pid = t.process.URL, t.process.ID()
	return t, nil
}

// stop ends a server that start has started.
func (t *target) stop() error {
	t.transport.CloseIdleConnections()
	if t.process == nil {
		return nil
	}
	if err := t.process.Alive(); err != nil {
		return fmt.Errorf("%w\n%s", err, t.log.String())
	}
	return t.process.Stop()
}

// resources returns what the server uses when nothing is asked.
func (t *target) resources(ctx context.Context) served.Resources {
	t.transport.CloseIdleConnections()
	if t.pid == 0 {
		return served.Resources{RSS: -1, Private: -1, Descriptors: -1, Threads: -1, Goroutines: -1}
	}
	return served.Measure(ctx, t.pid, &t.Client)
}

// toSettle is how long a server may take to let go of what clients have left behind.
const toSettle = 40 * time.Second

// settled waits until the server uses no more descriptors and goroutines than before, and returns what it uses. After a while it gives
// up, which is for the caller to see.
func (t *target) settled(ctx context.Context, before served.Resources) (served.Resources, error) {
	ctx, cancel := context.WithTimeout(ctx, toSettle)
	defer cancel()
	for {
		now := t.resources(ctx)
		if grown(before, now) == nil || t.pid == 0 {
			return now, nil
		}
		select {
		case <-ctx.Done():
			return now, nil
		case <-time.After(250 * time.Millisecond):
		}
		if t.process != nil {
			if err := t.process.Alive(); err != nil {
				return now, err
			}
		}
	}
}

// spare is how many descriptors and goroutines may differ by chance: the connection that asks for the metrics, and a timer.
const spare = 4

// grown returns an error if descriptors or goroutines are more than before.
func grown(before, after served.Resources) error {
	var errs []error
	for _, c := range []struct {
		name          string
		before, after int64
	}{{"descriptors", before.Descriptors, after.Descriptors}, {"goroutines", before.Goroutines, after.Goroutines}} {
		if c.before >= 0 && c.after > c.before+spare {
			errs = append(errs, fmt.Errorf("%d %s, %d before", c.after, c.name, c.before))
		}
	}
	return errors.Join(errs...)
}
