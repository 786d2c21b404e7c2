package infile

import (
	"context"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// silence is how long a stream may stay silent before the reader reports that it waits.
const silence = 2 * time.Second

// Wait reads r, such as standard input, to its end, or stops when ctx ends. If r is silent for two seconds, it calls waiting
// once. Errors about the length begin with name.
func (l Limit) Wait(ctx context.Context, name string, r io.Reader, waiting func()) ([]byte, error) {
	if f, ok := r.(*os.File); ok {
		if err := l.fits(name, f); err != nil {
			return nil, err
		}
	}
	type result struct {
		data []byte
		err  error
	}
	in, done := &countingReader{in: r}, make(chan result, 1)
	go func() {
		data, err := l.All(name, in)
		done <- result{data, err}
	}()
	ticker := time.NewTicker(silence)
	defer ticker.Stop()
	for before := int64(0); ; {
		select {
		case r := <-done:
			return r.data, r.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-ticker.C:
			if now := in.n.Load(); now != before {
				before = now
				continue
			}
			ticker.Stop()
			waiting()
		}
	}
}

// countingReader counts the bytes it has read. Other goroutines may read the count.
type countingReader struct {
	in io.Reader
	n  atomic.Int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.n.Add(int64(n))
	return n, err
}
