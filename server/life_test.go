package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/keys"
	"github.com/gosling-rwkv/gosling/service"
)

// status asks whether the server is ready.
func (b *trial) ready() (status int, retry string) {
	r, _ := b.do("GET", "/ready", "")
	return r.StatusCode, r.Header.Get("Retry-After")
}

func TestARunningRequestEndsWhileTheServerDrains(t *testing.T) {
	more := make(chan struct{})
	b := start(t, Options{Drain: time.Hour}, ticks(more), echo)
	r, err := b.client.Post(b.url("/ticks"), "", nil)
	require.NoError(t, err)
	defer r.Body.Close()
	status, _ := b.ready()
	assert.Equal(t, 200, status)

	ended := make(chan error)
	go func() { ended <- b.stop() }()
	require.Eventually(t, func() bool { return b.life.refusal() != nil }, time.Minute, time.Millisecond)
	status, retry := b.ready()
	assert.Equal(t, 503, status)
	assert.Equal(t, "1", retry)
	refused, text := b.do("POST", "/echo/a", "{}")
	assert.Equal(t, 503, refused.StatusCode)
	assert.Equal(t, "1", refused.Header.Get("Retry-After"))
	assert.Contains(t, text, `"type":"unavailable_error"`)
	alive, _ := b.do("GET", "/health", "")
	assert.Equal(t, 200, alive.StatusCode, "it is alive")

	more <- struct{}{}
	close(more)
	all, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, "data: tick\n\ndata: tick\n\n", string(all))
	assert.NoError(t, <-ended)
	_, err = net.Dial("tcp", b.address)
	assert.Error(t, err, "nobody listens")
}

func TestWhatStillRunsAfterDrainingEndsWithAnError(t *testing.T) {
	b := start(t, Options{Drain: 50 * time.Millisecond}, ticks(nil), route{"GET", "/wait", keys.Infer, openAI, none, 0, func(c *call) error {
		<-c.ctx.Done()
		return context.Cause(c.ctx)
	}})
	stream, err := b.client.Post(b.url("/ticks"), "", nil)
	require.NoError(t, err)
	defer stream.Body.Close()
	c := b.dial("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.Eventually(t, func() bool { b.life.mu.Lock(); defer b.life.mu.Unlock(); return b.life.running == 2 }, time.Minute, time.Millisecond)
	require.NoError(t, b.stop())
	all, err := io.ReadAll(stream.Body)
	require.NoError(t, err)
	assert.Equal(t, "data: tick\n\ndata: {\"error\":{\"message\":\"the server is stopping\",\"type\":\"unavailable_error\",\"param\":null,\"code\":503}}\n\n", string(all))
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	defer r.Body.Close()
	assert.Equal(t, 503, r.StatusCode)
}

func TestAServerThatIsIdleEndsAtOnce(t *testing.T) {
	b := start(t, Options{Drain: time.Hour})
	b.ready() // and the connection stays open
	b.dial("")
	b.dial("GET /rea")
	assert.NoError(t, b.stop())
}

func TestAListenerThatFailsEndsTheServer(t *testing.T) {
	s, err := New(Options{Drain: time.Hour})
	require.NoError(t, err)
	good, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	bad, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, bad.Close())
	assert.ErrorIs(t, s.Serve(context.Background(), good, bad), net.ErrClosed)
	_, err = good.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
}

// flushes records when a stream was flushed.
type flushes struct {
	*httptest.ResponseRecorder
	fail bool
}

func (f *flushes) Write(data []byte) (int, error) {
	if f.fail {
		return 0, io.ErrClosedPipe
	}
	return f.ResponseRecorder.Write(data)
}

func TestAStreamThatIsSilentPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{})
		require.NoError(t, err)
		w := &flushes{ResponseRecorder: httptest.NewRecorder()}
		var cause error
		s.take([]route{{"GET", "/stream", keys.Infer, openAI, none, 0, func(c *call) error {
			events, err := c.stream()
			require.NoError(t, err)
			text := func() string { synctest.Wait(); events.mu.Lock(); defer events.mu.Unlock(); return w.Body.String() }
			time.Sleep(15*time.Second - 1)
			assert.Empty(t, text())
			require.NoError(t, events.send([]byte("data: 1\n\n")))
			time.Sleep(15*time.Second - 1)
			assert.Equal(t, "data: 1\n\n", text())
			time.Sleep(time.Nanosecond)
			assert.Equal(t, "data: 1\n\n: ping\n\n", text())
			time.Sleep(45 * time.Second)
			assert.Equal(t, "data: 1\n\n"+strings.Repeat(": ping\n\n", 4), text())
			events.mu.Lock()
			w.fail = true
			events.mu.Unlock()
			time.Sleep(15 * time.Second)
			synctest.Wait()
			assert.Error(t, c.ctx.Err(), "a ping finds a client that went away")
			cause = context.Cause(c.ctx)
			return events.send([]byte("data: 2\n\n"))
		}}})
		r := httptest.NewRequest("GET", "http://localhost/stream", nil)
		r.RemoteAddr = "127.0.0.1:1"
		s.Handler().ServeHTTP(w, r)
		assert.ErrorIs(t, cause, errGone)
		before := w.Body.Len()
		time.Sleep(time.Hour)
		assert.Equal(t, before, w.Body.Len(), "nothing is written after the end")
	})
}

func TestProfilesAreForThisMachine(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	assert.ErrorContains(t, ServeDebug(context.Background(), l), "loopback addresses only")
	l, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- ServeDebug(ctx, l) }()
	for host, want := range map[string]int{"localhost": 200, "evil.example": 403} {
		r, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/debug/pprof/goroutine?debug=1", nil)
		require.NoError(t, err)
		r.Host = host
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		response.Body.Close()
		assert.Equal(t, want, response.StatusCode, host)
	}
	cancel()
	assert.NoError(t, <-ended)
	http.DefaultClient.CloseIdleConnections()
}

func TestAServerHasSeveralAddresses(t *testing.T) {
	hosts := []string{"127.0.0.1"}
	for _, host := range []string{"::1", "127.0.0.2"} { // not every system has them
		if l, err := net.Listen("tcp", net.JoinHostPort(host, "0")); err == nil {
			l.Close()
			hosts = append(hosts, host)
		}
	}
	o := Options{}
	all, err := o.Listen(hosts, 0)
	require.NoError(t, err)
	assert.Equal(t, hosts, o.Hosts)
	s, err := New(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, all...) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, l := range all {
		r, err := client.Get("http://" + l.Addr().String() + "/ready")
		require.NoError(t, err)
		r.Body.Close()
		assert.Equal(t, 200, r.StatusCode)
	}
	cancel()
	assert.NoError(t, <-ended)
}

func TestNoAddressIsOpenIfOneIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	o := Options{}
	_, err = o.Listen([]string{"127.0.0.1", "0.0.0.0"}, port)
	if !errors.Is(err, ErrOpen) { // systems differ in whether both can be had
		assert.ErrorContains(t, err, "address already in use")
	}
	again, err := net.Listen("tcp", l.Addr().String())
	require.NoError(t, err)
	again.Close()
}

func TestRequestsWaitForTheModel(t *testing.T) {
	load, failed := make(chan struct{}), errors.New("no model")
	m := newModel(t, service.Options{})
	b := start(t, Options{Load: func(_ context.Context, ready func(*service.Model)) error {
		<-load
		ready(m)
		return nil
	}})
	for _, path := range []string{"/health", "/ready", "/v1/models", "/metrics"} {
		r, body := b.do("GET", path, "")
		assert.Equal(t, 503, r.StatusCode, path)
		assert.Equal(t, "1", r.Header.Get("Retry-After"), path)
		assert.Contains(t, body, "the model is loading", path)
	}
	close(load)
	require.Eventually(t, func() bool { status, _ := b.ready(); return status == 200 }, time.Minute, time.Millisecond)
	for _, path := range []string{"/health", "/v1/models", "/metrics"} {
		r, _ := b.do("GET", path, "")
		assert.Equal(t, 200, r.StatusCode, path)
	}

	s, err := New(Options{Drain: time.Hour, Load: func(context.Context, func(*service.Model)) error { return failed }})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	assert.Same(t, failed, s.Serve(context.Background(), l))
}
