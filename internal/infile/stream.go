package infile

import (
	"context"
	"io"
	"io/fs"
	"os"
	"time"
)

// Read reads a whole file, pipe or device. If ctx ends first, it returns ctx's error at once.
func (l Limit) Read(ctx context.Context, path string) ([]byte, error) {
	f, err := Stream(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return l.All(path, f)
}

// Stream opens a file, pipe or device for reading once. If ctx ends first, opening and reading return its error. For a regular
// file the result is an *os.File. The caller closes it.
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

// opened runs open until it or the context ends. Opening a pipe may wait for its other end.
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

// reader reads a pipe or a device. It does not read after its context has ended.
type reader struct {
	ctx  context.Context
	file *os.File
	buf  []byte // used by the reading goroutine only, which may fill it after Read has returned
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

// Sink opens a pipe or a device for writing. If ctx ends first, opening and writing return its error. The caller closes it.
func Sink(ctx context.Context, path string) (io.WriteCloser, error) {
	f, err := opened(ctx, func() (*os.File, error) { return os.OpenFile(path, os.O_WRONLY, 0) })
	if err != nil {
		return nil, err
	}
	return &sink{ctx, f, 0}, nil
}

// Output writes to an open pipe or device, such as standard output, whose reader may block the program. After ctx has ended, a
// Write gives up when it has waited for patience.
func Output(ctx context.Context, f *os.File, patience time.Duration) io.Writer {
	return &sink{ctx, f, patience}
}

// sink writes to a pipe or a device. A Write that was given up may still finish later, so it has its own copy of the bytes.
type sink struct {
	ctx      context.Context
	file     *os.File
	patience time.Duration
}

// atOnce is how many bytes a pipe takes at once if it takes any (_POSIX_PIPE_BUF).
const atOnce = 512

func (s *sink) Write(p []byte) (int, error) {
	if len(p) <= atOnce && ready(s.file) {
		return s.file.Write(p) // a goroutine for each token would take as long as the token of a small model
	}
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
