package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/keys"
)

// newServer returns a running server with these routes besides its own.
func newServer(t *testing.T, o Options, more ...route) (*Server, string) {
	s, err := New(o)
	require.NoError(t, err)
	s.take(append(s.table(), more...))
	h := httptest.NewServer(s.Handler())
	t.Cleanup(h.Close)
	return s, h.URL
}

// do sends a request and returns the response and its whole body.
func do(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(data)
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
	_, url := newServer(t, Options{}, echo)
	r, body := do(t, "POST", url+"/echo/x%2Fy", `{"a":1}`, "Content-Type", "application/json")
	assert.Equal(t, 200, r.StatusCode)
	assert.Equal(t, `{"a":1}`, body)
	assert.Equal(t, "x/y", r.Header.Get("X-Name"))
	assert.NotEmpty(t, r.Header.Get("X-Request-Id"))
	r, body = do(t, "GET", url+"/nothing", "")
	assert.Equal(t, 404, r.StatusCode)
	assert.JSONEq(t, `{"error":{"message":"there is nothing at this path","type":"not_found_error","param":null,"code":404}}`, body)
	r, _ = do(t, "GET", url+"/echo/a", "")
	assert.Equal(t, 405, r.StatusCode)
	assert.Equal(t, "POST, OPTIONS", r.Header.Get("Allow"))
}

func TestAStreamEndsWithAnErrorEvent(t *testing.T) {
	_, url := newServer(t, Options{}, route{"GET", "/panic", keys.Infer, openAI, none, 0, func(c *call) error {
		s, err := c.stream()
		require.NoError(t, err)
		require.NoError(t, s.send([]byte("data: 1\n\n")))
		panic("a fault")
	}})
	r, body := do(t, "GET", url+"/panic", "")
	assert.Equal(t, 200, r.StatusCode)
	assert.Equal(t, "text/event-stream", r.Header.Get("Content-Type"))
	assert.True(t, strings.HasPrefix(body, "data: 1\n\ndata: {\"error\":"), body)
}
