package server

import (
	"bytes"
	encoding "encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/keys"
)

// answered is a request to a model that tells everything about itself.
var answered = route{"POST", "/answered", keys.Infer, llamaCpp, none, 0, func(c *call) error {
	c.report = report{model: "demo", read: 5, cached: 7, generated: 3, reasoning: 2, queue: 20 * time.Millisecond, first: 300 * time.Millisecond, end: "stop"}
	return c.answer(http.StatusOK, []byte("{}"))
}}

// recorded is what a server answers to a request of this machine, without a network.
func recorded(s *Server, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost"+path, nil)
	r.RemoteAddr = "127.0.0.1:1"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestTheMetricsCountWhatWasAnswered(t *testing.T) {
	begin := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	s, err := New(Options{Now: func() time.Time { return begin }})
	require.NoError(t, err)
	s.take(append(s.table(), answered))
	s.metrics.add(func() []sample {
		return []sample{
			{"llamacpp:n_decode_total", "Steps.", true, nil, 42},
			{"gosling_sequences", "Sequences.", false, []string{"state", "reading"}, 2},
			{"gosling_sequences", "Sequences.", false, []string{"state", "decoding"}, 1},
		}
	})
	for range 2 {
		require.Equal(t, 200, recorded(s, "POST", "/answered").Code)
	}
	recorded(s, "GET", "/of-a-client")
	recorded(s, "BREW", "/of-a-client")
	w := recorded(s, "GET", "/metrics")
	require.Equal(t, 200, w.Code)
	assert.Equal(t, "1796040000", w.Header().Get("Process-Start-Time-Unix"))
	assert.True(t, strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain"))
	text := w.Body.String()
	for _, line := range []string{
		`gosling_requests_total{code="200",dialect="llamacpp"} 2`,
		`gosling_requests_total{code="404",dialect="none"} 2`,
		`gosling_tokens_total{kind="read"} 10`,
		`gosling_tokens_total{kind="cached"} 14`,
		`gosling_tokens_total{kind="generated"} 6`,
		`gosling_tokens_total{kind="reasoning"} 4`,
		`gosling_request_seconds_count 2`,
		`gosling_queue_seconds_sum 0.04`,
		`gosling_time_to_first_token_seconds_sum 0.6`,
		`gosling_inter_token_seconds_count 0`,
		`# HELP llamacpp:n_decode_total Steps.`,
		`# TYPE llamacpp:n_decode_total counter`,
		`llamacpp:n_decode_total 42`,
		`gosling_sequences{state="reading"} 2`,
		`# TYPE gosling_sequences gauge`,
	} {
		assert.Contains(t, text, line+"\n")
	}
	assert.Contains(t, text, "\ngo_goroutines ")
	assert.NotContains(t, text, "of-a-client")
	assert.NotContains(t, text, "BREW")

	other, err := New(Options{NoMetrics: true})
	require.NoError(t, err)
	assert.Equal(t, 501, recorded(other, "GET", "/metrics").Code)
}

func TestEveryRequestHasALineInTheLog(t *testing.T) {
	var log bytes.Buffer
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	s, err := New(Options{Log: slog.New(slog.NewJSONHandler(&log, nil)), Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}})
	require.NoError(t, err)
	s.take(append(s.table(), answered, route{"GET", "/refused/{name}", keys.Infer, openAI, none, 0, func(*call) error {
		return api.Invalidf("model", "not this one")
	}}))
	line := func() map[string]any {
		require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("\n")), log.String())
		var fields map[string]any
		require.NoError(t, encoding.Unmarshal(log.Bytes(), &fields))
		delete(fields, "time")
		log.Reset()
		return fields
	}
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	recorded(s, "POST", "/answered?q=1", "X-Request-Id", "r1", "Traceparent", trace)
	assert.Equal(t, map[string]any{"level": "INFO", "msg": "request", "id": "r1", "tenant": "local", "method": "POST", "route": "/answered", "status": 200.0,
		"total": 2e9, "dialect": "llamacpp", "traceparent": trace, "model": "demo", "read": 5.0, "cached": 7.0, "generated": 3.0, "reasoning": 2.0,
		"queue": 2e7, "first": 3e8, "end": "stop"}, without(line(), "total", 2e9))
	recorded(s, "GET", "/refused/a", "X-Request-Id", "r2", "Traceparent", "00-a\nb")
	assert.Equal(t, map[string]any{"level": "INFO", "msg": "request", "id": "r2", "tenant": "local", "method": "GET", "route": "/refused/{name}", "status": 400.0,
		"total": 2e9, "dialect": "openai"}, without(line(), "total", 2e9))
	recorded(s, "BREW", "/x", "X-Request-Id", "r3")
	assert.Equal(t, map[string]any{"level": "INFO", "msg": "request", "id": "r3", "method": "other", "route": "none", "status": 404.0,
		"total": 2e9}, without(line(), "total", 2e9))
	recorded(s, "GET", "/health")
	assert.Empty(t, log.String(), "what asks every few seconds is for debugging only")
}

// without sets a field that is there to a value.
func without(fields map[string]any, name string, value any) map[string]any {
	if _, ok := fields[name]; ok {
		fields[name] = value
	}
	return fields
}
