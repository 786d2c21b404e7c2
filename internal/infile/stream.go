package infile

import (
	"context"
	"io"
	"io/fs"
	"os"
	"time"
)

// Read reads a whole file, or all that a pipe or a device gives. When ctx ends first, its error is returned at once.
func (l Limit) Read(ctx context.Context, path string) ([]byte, error) {
	f, err := Stream(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return l.All(path, f)
}

// Stream opens a file, a pipe or a device to be read once. Opening and reading end with the context's error when that ends first. A
// regular file is an *os.File. The caller closes it.
func Stream(ctx context.Context, path string) (io.ReadCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch mode := info.Mode(); {
	case mode.IsDir(), mode&fs.ModeSocket != 0:
		return nil, regular(path, mode)
	case mode.IsRegular():
		return Open(path)
	}
	f, err := opened(ctx, func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		return nil, err
	}
	return &reader{ctx, f, nil}, nil
}

// opened runs open, which may wait for the other end of a pipe, until it or the context ends.
func opened(ctx context.Context, open func() (*os.File, error)) (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	done := make(chan result, 1)
	go func() {
		f, err := open()
		done <- result{f, err}
	}()
	select {
	case r := <-done:
		return r.f, r.err
	case <-ctx.Done():
		go func() { // the file may be opened later
			if r := <-done; r.err == nil {
				r.f.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// moved is the result of a Read or a Write.
type moved struct {
	n   int
	err error
}

// reader reads a pipe or a device. After its context has ended it is not read any more.
type reader struct {
	ctx  context.Context
	file *os.File
	buf  []byte // the reading goroutine's own: it may fill it after Read was left
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.buf == nil {
		r.buf = make([]byte, 64<<10)
	}
	done, part := make(chan moved, 1), r.buf[:min(len(p), len(r.buf))]
	go func() {
		n, err := r.file.Read(part)
		done <- moved{n, err}
	}()
	select {
	case m := <-done:
		copy(p, part[:m.n])
		return m.n, m.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}

func (r *reader) Close() error { return r.file.Close() }

// Sink opens a pipe or a device to be written to. Opening and writing end with the context's error when that ends first. The caller
// closes it.
func Sink(ctx context.Context, path string) (io.WriteCloser, error) {
	f, err := opened(ctx, func() (*os.File, error) { return os.OpenFile(path, os.O_WRONLY, 0) })
	if err != nil {
		return nil, err
	}
	return &sink{ctx, f, 0}, nil
}

// Output is an open pipe or device, such as standard output, whose reader may keep a program waiting. A Write that waits still when
// patience is over after the end of the context is left.
func Output(ctx context.Context, f *os.File, patience time.Duration) io.Writer {
	return &sink{ctx, f, patience}
}

// sink writes to a pipe or a device. A Write that was left may end later: it has bytes of its own.
type sink struct {
	ctx      context.Context
	file     *os.File
	patience time.Duration
}

func (s *sink) Write(p []byte) (int, error) {
	done, own := make(chan moved, 1), append([]byte(nil), p...)
	go func() {
		n, err := s.file.Write(own)
		done <- moved{n, err}
	}()
	select {
	case m := <-done:
		return m.n, m.err
	case <-s.ctx.Done():
	}
	select {
	case m := <-done:
		return m.n, m.err
	case <-time.After(s.patience):
		return 0, s.ctx.Err()
	}
}

func (s *sink) Close() error { return s.file.Close() }
