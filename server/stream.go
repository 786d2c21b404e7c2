package server

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/api"
)

// stream is a response of server-sent events. After Options.Ping without one it sends the dialect's ping, which also finds clients
// that went away. Its methods may be called from several goroutines.
type stream struct {
	c     *call
	mu    sync.Mutex // of what follows and of the writer
	timer *time.Timer
	last  time.Time // when the event before was sent
	ended bool
	err   error // the first error of writing

	fails func(*api.Error) [][]byte // the events that end the stream with an error; nil: that of the dialect
}

// stream begins a stream of events. It sends the header at once. The handler's return ends the stream.
func (c *call) stream() (*stream, error) {
	if c.streaming != nil || c.w.status != 0 {
		panic("server: internal error: a stream was begun after an answer")
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	c.narrow()
	s := &stream{c: c}
	c.streaming = s
	c.w.WriteHeader(http.StatusOK)
	if s.err = c.w.flush(); s.err != nil {
		return nil, s.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.s.o.Ping > 0 {
		s.timer = time.AfterFunc(c.s.o.Ping, s.ping)
	}
	return s, nil
}

// connection is the key of a request's net.Conn in its context.
type connection struct{}

// narrow makes the system keep few bytes that the client has not read. With megabytes of them, a client that does not read would be noticed
// only after a long text. HTTP/2 has windows for this.
func (c *call) narrow() {
	conn := c.r.Context().Value(connection{})
	if outer, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = outer.NetConn()
	}
	if inner, ok := conn.(interface{ SetWriteBuffer(int) error }); ok && c.r.ProtoMajor == 1 {
		_ = inner.SetWriteBuffer(chunk) // a hint
	}
}

// send writes one or more whole events of the dialect, such as "data: {}\n\n". Its error is that the client went away.
func (s *stream) send(event []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.c.s.o.Now()
	if !s.last.IsZero() {
		s.c.s.metrics.gap.Observe(now.Sub(s.last).Seconds())
	}
	s.last = now
	return s.write(event)
}

func (s *stream) write(data []byte) error {
	if s.err != nil || s.ended {
		return s.err
	}
	if _, s.err = s.c.w.Write(data); s.err == nil {
		s.err = s.c.w.flush()
	}
	if s.err != nil {
		s.c.cancel(errGone)
	} else if s.timer != nil {
		s.timer.Reset(s.c.s.o.Ping)
	}
	return s.err
}

// ping says that the server is alive, and so sets the timer again.
func (s *stream) ping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.write(s.c.dialect().ping)
}

// end stops the pings. Nothing is written after it.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
