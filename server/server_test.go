package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gosling-rwkv/gosling/keys"
)

// log is what a server logs.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// trial is a server that runs in a test.
type trial struct {
	*testing.T
	*Server
	log     *log
	address string
	client  *http.Client
	stop    func() error // ends the server as a signal does
}

// start runs a server with more routes than its own. At the end of the test, the server must leave nothing behind.
func start(t *testing.T, o Options, more ...route) *trial { return begin(t, o, usual, more...) }

// begin is start with other time limits.
func begin(t *testing.T, o Options, limits times, more ...route) *trial {
	goroutines, files := goleak.IgnoreCurrent(), descriptors(t)
	b := &trial{T: t, log: &log{}}
	o.Log = slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := New(o)
	require.NoError(t, err)
	s.times = limits
	s.take(append(s.table(), more...))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b.Server, b.address = s, l.Addr().String()
	b.client = &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	b.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		assert.NoError(t, b.stop())
		b.client.CloseIdleConnections()
		left := goleak.Find(goroutines)
		for n := 0; left != nil && n < 20; n++ { // each waits for half a second, which a busy machine may need
			left = goleak.Find(goroutines)
		}
		assert.NoError(t, left)
		assert.LessOrEqual(t, descriptors(t), files, "open files and sockets")
	})
	return b
}

// descriptors returns the number of open files and sockets of the process, where the system tells.
func descriptors(t *testing.T) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// url returns an address of the server.
func (b *trial) url(path string) string {
	if b.tls != nil {
		return "https://" + b.address + path
	}
	return "http://" + b.address + path
}

// do sends a request with headers, names and values in turns. It returns the response and its whole body.
func (b *trial) do(method, path, body string, header ...string) (*http.Response, string) {
	r, err := http.NewRequest(method, b.url(path), strings.NewReader(body))
	require.NoError(b, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	response, err := b.client.Do(r)
	require.NoError(b, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	b.check(body, response, string(data))
	return response, string(data)
}

// dial opens a connection and writes to it.
func (b *trial) dial(text string) net.Conn {
	c, err := net.Dial("tcp", b.address)
	require.NoError(b, err)
	b.Cleanup(func() { c.Close() })
	_, err = io.WriteString(c, text)
	require.NoError(b, err)
	return c
}

// echo answers with the body.
var echo = route{"POST", "/echo/{name}", keys.Infer, openAI, json, 0, func(c *call) error {
	data, err := c.body()
	if err != nil {
		return err
	}
	c.w.Header().Set("X-Name", c.r.PathValue("name"))
	return c.answer(http.StatusOK, data)
}}

func TestARequestIsAnswered(t *testing.T) {
	b := start(t, Options{}, echo)
	r, body := b.do("POST", "/echo/x%2Fy", `{"a":1}`)
	assert.Equal(t, 200, r.StatusCode)
	assert.Equal(t, `{"a":1}`, body)
	assert.Equal(t, "x/y", r.Header.Get("X-Name"), "path variables are set")
	assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	assert.Len(t, r.Header.Get("X-Request-Id"), 26)
	r, _ = b.do("GET", "/health", "", "X-Request-Id", "mine-1")
	assert.Equal(t, "mine-1", r.Header.Get("X-Request-Id"))
	r, _ = b.do("GET", "/health", "", "X-Request-Id", "not an id")
	assert.Len(t, r.Header.Get("X-Request-Id"), 26)
}

func TestPathsAndMethodsThatAreNotThere(t *testing.T) {
	b := start(t, Options{}, echo)
	r, body := b.do("GET", "/nothing", "")
	assert.Equal(t, 404, r.StatusCode)
	assert.JSONEq(t, `{"error":{"message":"there is nothing at this path","type":"not_found_error","param":null,"code":404}}`, body)
	r, body = b.do("GET", "/echo/a", "")
	assert.Equal(t, 405, r.StatusCode)
	assert.Equal(t, "POST, OPTIONS", r.Header.Get("Allow"))
	assert.Contains(t, body, "this path takes POST, OPTIONS")
	r, body = b.do("HEAD", "/health", "")
	assert.Equal(t, 200, r.StatusCode)
	assert.Equal(t, "15", r.Header.Get("Content-Length"))
	assert.Empty(t, body)
	r, body = b.do("OPTIONS", "/health", "")
	assert.Equal(t, 200, r.StatusCode)
	assert.Equal(t, "GET, HEAD, OPTIONS", r.Header.Get("Allow"))
	assert.Empty(t, body)
	r, _ = b.do("OPTIONS", "/nothing", "")
	assert.Equal(t, 404, r.StatusCode)
	r, _ = b.do("GET", "//health", "")
	assert.Equal(t, "/health", r.Header.Get("Location"))
	for _, path := range []string{"/v1/audio/speech", "/v1/images/generations", "/v1/files", "/v1/threads", "/infill", "/props"} {
		r, body = b.do("POST", path, "{}")
		assert.Equal(t, 501, r.StatusCode, path)
		assert.Contains(t, body, `"type":"not_supported_error"`, path)
	}
}

// ticks streams an event and then waits until it may go on, or for its end.
func ticks(more <-chan struct{}) route {
	return route{"POST", "/ticks", keys.Infer, openAI, none, 0, func(c *call) error {
		s, err := c.stream()
		if err != nil {
			return err
		}
		for {
			if err := s.send([]byte("data: tick\n\n")); err != nil {
				return err
			}
			select {
			case _, ok := <-more:
				if !ok {
					return nil
				}
			case <-c.ctx.Done():
				return c.ctx.Err()
			}
		}
	}}
}

func TestEventsArriveAsTheyAreSent(t *testing.T) {
	more := make(chan struct{})
	b := start(t, Options{}, ticks(more))
	r, err := b.client.Post(b.url("/ticks"), "", nil)
	require.NoError(t, err)
	defer r.Body.Close()
	assert.Equal(t, "text/event-stream", r.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", r.Header.Get("Cache-Control"))
	assert.Equal(t, "no", r.Header.Get("X-Accel-Buffering"))
	event := make([]byte, len("data: tick\n\n"))
	for range 3 {
		_, err := io.ReadFull(r.Body, event)
		require.NoError(t, err)
		more <- struct{}{}
	}
	close(more)
	rest, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, "data: tick\n\n", string(rest))
}

func TestAClientThatGoesAwayEndsItsCall(t *testing.T) {
	ended := make(chan error, 1)
	more := make(chan struct{})
	tick := ticks(more)
	b := start(t, Options{}, route{"POST", "/ticks", keys.Infer, openAI, none, 0, func(c *call) error {
		err := tick.handler(c)
		ended <- err
		return err
	}})
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "POST", b.url("/ticks"), nil)
	require.NoError(t, err)
	response, err := b.client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
	require.NoError(t, b.stop())
	assert.Contains(t, b.log.String(), "status=499")
}
