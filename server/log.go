package server

import (
	"context"
	"log/slog"
	"regexp"
	"time"
)

// report is what became of a request, for the access log and the metrics. Handlers fill in what they know.
type report struct {
	model     string        // the name of the served model, never one that the client made up
	read      int           // tokens of the prompt that were computed
	cached    int           // tokens of the prompt that a kept state already had
	generated int           // tokens of the answer
	reasoning int           // those of its thoughts
	queue     time.Duration // from the request to the first computation
	first     time.Duration // from the request to the first token; 0: there was none
	end       string        // why the answer ended, such as "stop"
}

var goodTrace = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// log writes the line of a request. It holds no text of a client but two that were checked: the request's id and the trace.
func (c *call) log() {
	attributes := []slog.Attr{
		slog.String("id", c.id), slog.String("method", knownMethod(c.r.Method)), slog.String("route", c.pattern()),
		slog.Int("status", c.status()), slog.Duration("total", c.s.o.Now().Sub(c.begin)),
	}
	add := func(more ...slog.Attr) { attributes = append(attributes, more...) }
	if c.tenant != nil {
		add(slog.String("tenant", c.tenant.Name))
	}
	if trace := c.r.Header.Get("Traceparent"); goodTrace.MatchString(trace) {
		add(slog.String("traceparent", trace))
	}
	if c.route != nil {
		add(slog.String("dialect", c.route.dialect.name))
	}
	if r := c.report; r.model != "" {
		add(slog.String("model", r.model),
			slog.Int("read", r.read), slog.Int("cached", r.cached), slog.Int("generated", r.generated), slog.Int("reasoning", r.reasoning),
			slog.Duration("queue", r.queue), slog.Duration("first", r.first), slog.String("end", r.end))
	}
	level := slog.LevelInfo
	if c.route != nil && c.route.permission == open {
		level = slog.LevelDebug // something asks every few seconds whether the server is alive
	}
	c.s.o.Log.LogAttrs(context.Background(), level, "request", attributes...)
}

// pattern returns the path of the route, without what the client chose.
func (c *call) pattern() string {
	if c.route == nil {
		return "none"
	}
	return c.route.path
}

// status returns the status of the response, or gone.
func (c *call) status() int {
	if c.gone {
		return gone
	}
	return c.w.status
}

// knownMethod returns the method, or "other" for one that the client made up.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH":
		return method
	}
	return "other"
}
