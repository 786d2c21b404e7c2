package server

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/keys"
)

// call is one request on its way to an answer. It belongs to one goroutine.
type call struct {
	r      *http.Request
	ctx    context.Context // ends when the client goes away or the server stops
	id     string          // X-Request-Id
	route  *route          // nil if none matches
	tenant *keys.Tenant    // nil on routes that need no key

	// What the handler tells the access log and the metrics.
	report report

	s         *Server
	w         *writer
	cancel    context.CancelCauseFunc
	begin     time.Time
	streaming *stream
	gone      bool          // the client did not wait for the end
	leaving   []func(*call) // what ends with the call, unless something goes on behind it
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{r: r, id: requestID(r), s: s, w: newWriter(w, s.times.write), begin: s.o.Now()}
	c.ctx, c.cancel = context.WithCancelCause(r.Context())
	defer c.cancel(nil)
	defer context.AfterFunc(s.life.stopped, func() { c.cancel(context.Cause(s.life.stopped)) })()
	c.w.Header().Set("X-Request-Id", c.id)
	c.w.Header().Set("X-Content-Type-Options", "nosniff")
	c.w.rest() // from the request before
	if r.Body != http.NoBody {
		_ = c.w.control.SetReadDeadline(time.Now().Add(s.times.body))
	}
	if err := c.run(); err != nil {
		c.fail(err)
	}
	if c.streaming != nil {
		c.streaming.end()
	}
	c.w.hurry() // for what net/http still has to send
	c.s.metrics.count(c)
	c.log()
}

// run calls the handler. A panic is an error.
func (c *call) run() (err error) {
	defer c.recover(&err)
	if err := c.admit(); err != nil || c.route == nil {
		return err
	}
	if err := c.identify(); err != nil {
		return err
	}
	defer func() { c.leave() }()
	if c.route.permission != open {
		if err := c.s.life.begin(); err != nil {
			return err
		}
		c.leaving = append(c.leaving, func(c *call) { c.s.life.end() })
	}
	if err := c.count(); err != nil {
		return err
	}
	if err := c.checkBody(); err != nil {
		return err
	}
	return c.route.handler(c)
}

// recover turns a panic into an error.
func (c *call) recover(err *error) {
	if p := recover(); p != nil {
		c.s.o.Log.Error("a handler panicked", "id", c.id, "panic", p, "stack", string(debug.Stack()))
		*err = c.internal()
	}
}

// leave ends what counts running requests.
func (c *call) leave() {
	for _, f := range c.leaving {
		f(c)
	}
	c.leaving = nil
}

// admit finds the route of a request and checks where it comes from. Without an error and a route, the request is answered.
func (c *call) admit() error {
	var f finder
	c.s.mux.ServeHTTP(&f, c.r)
	c.route = f.route
	if c.route == nil || !slices.Contains(anyHost, c.route.path) {
		if err := c.checkHost(); err != nil {
			return err
		}
	}
	if err := c.checkOrigin(); err != nil || c.route != nil {
		return err
	}
	switch {
	case f.status == http.StatusMethodNotAllowed:
		allow := f.header.Get("Allow") + ", OPTIONS"
		if c.r.Method == http.MethodOptions {
			c.options(allow)
			return nil
		}
		c.w.Header().Set("Allow", allow)
		return refuse(api.Invalid, f.status, "this path takes %s", allow)
	case f.header.Get("Location") != "": // the clean form of a path such as /v1//models
		c.w.Header().Set("Location", f.header.Get("Location"))
		c.w.WriteHeader(f.status)
		return nil
	}
	return refuse(api.NotFound, 0, "there is nothing at this path")
}

// finder is what the mux answers to. It keeps the route, or what the mux says if there is none.
type finder struct {
	route  *route
	header http.Header
	status int
}

func (f *finder) Header() http.Header {
	if f.header == nil {
		f.header = http.Header{}
	}
	return f.header
}
func (f *finder) Write(data []byte) (int, error) { return len(data), nil }
func (f *finder) WriteHeader(status int)         { f.status = status }

// ServeHTTP tells which route the mux found.
func (r *route) ServeHTTP(w http.ResponseWriter, _ *http.Request) { w.(*finder).route = r }

// answer writes a response of JSON.
func (c *call) answer(status int, data []byte) error {
	return c.write(status, "application/json", data)
}

// write writes a whole response of any type.
func (c *call) write(status int, kind string, data []byte) error {
	h := c.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	c.w.WriteHeader(status)
	if _, err := c.w.Write(data); err != nil {
		c.cancel(errGone)
		return errGone
	}
	return nil
}

// fail answers with an error, or ends the stream with it.
func (c *call) fail(err error) {
	e, all := c.told(err)
	if !all {
		c.s.o.Log.Error("a request failed", "id", c.id, "error", withoutPaths(err))
	}
	style := c.dialect()
	switch {
	case e.Status == gone:
		c.gone = true
	case c.streaming != nil && c.streaming.fails != nil:
		_ = c.streaming.sendAll(c.streaming.fails(e))
	case c.streaming != nil:
		_ = c.streaming.send(style.event(e, c.id))
	case c.w.status == 0:
		if e.RetryAfter > 0 || e.Code() == http.StatusServiceUnavailable {
			seconds := (e.RetryAfter + time.Second - 1) / time.Second
			c.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(seconds))))
		}
		_ = c.answer(style.status(e), style.body(e, c.id))
	}
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// requestID returns the id that a proxy or the client gave the request, or a new one.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); goodID.MatchString(id) {
		return id
	}
	return rand.Text()
}
