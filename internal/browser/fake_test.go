package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fake is the shared server behind a proxy that answers some requests itself.
type fake struct {
	url string
	mux *http.ServeMux // add what the test answers itself

	mu    sync.Mutex
	chats []map[string]any // the bodies of requests for an answer
}

// pretend starts a fake. answer, if not nil, writes the answers of the model.
func pretend(t *testing.T, answer func(s *stream)) *fake {
	t.Helper()
	to, err := url.Parse(demo.url)
	require.NoError(t, err)
	f := &fake{mux: http.NewServeMux()}
	f.mux.Handle("/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Header.Del("Origin") // the server trusts pages of its own
	}})
	if answer != nil {
		f.mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
			var body map[string]any
			assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
			f.mu.Lock()
			f.chats = append(f.chats, body)
			s := &stream{w: w, gone: r.Context().Done(), n: len(f.chats)}
			f.mu.Unlock()
			w.Header().Set("Content-Type", "text/event-stream")
			answer(s)
			if !s.refused {
				fmt.Fprint(w, "data: [DONE]\n\n")
			}
		})
	}
	server := httptest.NewServer(f.mux)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// chat returns the body of the last request for an answer.
func (f *fake) chat() map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.chats) == 0 {
		return nil
	}
	return f.chats[len(f.chats)-1]
}

// fixed answers a GET request with the JSON of a value.
func (f *fake) fixed(path string, value any) {
	f.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(value) })
}

// A stream is an answer under way.
type stream struct {
	w       http.ResponseWriter
	gone    <-chan struct{} // closed when the page has ended the request
	n       int             // the number of the answer, from 1
	refused bool
}

type object = map[string]any

// event sends an event.
func (s *stream) event(value any) {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(s.w, "data: %s\n\n", data)
	s.w.(http.Flusher).Flush()
}

// delta sends a piece of the answer: content, reasoning_content or tool_calls.
func (s *stream) delta(field string, value any) {
	s.event(object{"choices": []object{{"delta": object{field: value}}}})
}

// refuse answers with an error instead.
func (s *stream) refuse(status int, message string) {
	s.refused = true
	s.w.Header().Set("Content-Type", "application/json")
	s.w.WriteHeader(status)
	json.NewEncoder(s.w).Encode(object{"error": object{"message": message}})
}

// cut ends the connection in the middle of the answer.
func (s *stream) cut() { panic(http.ErrAbortHandler) }
