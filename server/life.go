package server

import (
	"context"
	"sync"

	"github.com/gosling-rwkv/gosling/api"
)

// life counts the running requests, and tells them when to end.
type life struct {
	stopped context.Context // its end cancels running requests; its cause is what they answer
	stop    context.CancelCauseFunc

	mu       sync.Mutex
	loading  bool
	running  int
	draining bool
	idle     chan struct{} // closed once the server drains and nothing runs
}

func newLife() *life {
	l := &life{idle: make(chan struct{})}
	l.stopped, l.stop = context.WithCancelCause(context.Background())
	return l
}

// errStopping and errLoading refuse new requests.
func errStopping() error { return refuse(api.Unavailable, 0, "the server is stopping") }
func errLoading() error  { return refuse(api.Unavailable, 0, "the model is loading") }

// refusal returns why no new requests are taken, or nil.
func (l *life) refusal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refuses()
}

func (l *life) refuses() error {
	switch {
	case l.draining:
		return errStopping()
	case l.loading:
		return errLoading()
	}
	return nil
}

// isLoading reports whether the model is not there yet.
func (l *life) isLoading() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loading
}

// loaded lets requests in.
func (l *life) loaded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loading = false
}

// begin counts a request. Unless it returns an error, end must be called.
func (l *life) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refuses(); err != nil {
		return err
	}
	l.running++
	return nil
}

func (l *life) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	l.checkIdle()
}

// drain refuses new requests from now on.
func (l *life) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.draining {
		l.draining = true
		l.checkIdle()
	}
}

func (l *life) checkIdle() {
	if l.draining && l.running == 0 {
		select {
		case <-l.idle:
		default:
			close(l.idle)
		}
	}
}
