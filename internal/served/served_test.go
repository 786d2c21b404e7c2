package served

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary stand in for a server: with the argument serve it is healthy at its second question, with broken it ends
// at once.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "serve":
		asked := 0
		http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
			if asked++; asked < 2 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		fmt.Println(http.ListenAndServe(os.Args[3]+":"+os.Args[5], nil))
	case len(os.Args) > 1 && os.Args[1] == "broken":
		fmt.Println("no model")
		os.Exit(3)
	default:
		os.Exit(m.Run())
	}
}

func TestAProcessRunsUntilItIsStopped(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	self, err := os.Executable()
	require.NoError(t, err)
	p, err := Start(t.Context(), io.Discard, self, "serve")
	require.NoError(t, err)
	require.NoError(t, p.Alive())
	require.Nil(t, p.State())
	r := Measure(t.Context(), p.ID(), &Client{URL: p.URL})
	assert.Equal(t, int64(-1), r.Goroutines)
	if _, err := os.Stat("/proc/self/fd"); err == nil {
		assert.Greater(t, r.RSS, int64(1<<20))
		assert.Greater(t, r.Private, int64(1<<16))
		assert.Greater(t, r.Descriptors, int64(3))
		assert.Positive(t, r.Threads)
	}
	require.NoError(t, p.Stop())
	require.Error(t, p.Alive())
	require.NotNil(t, p.State())
	require.NoError(t, p.Stop())
}

func TestAProcessThatEndsIsAnError(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	self, err := os.Executable()
	require.NoError(t, err)
	var log strings.Builder
	_, err = Start(t.Context(), &log, self, "broken")
	require.ErrorContains(t, err, "it ended before it was healthy: exit status 3")
	assert.Equal(t, "no model\n", log.String())
}

// answering returns a client of a server that gives one answer.
func answering(t *testing.T, status int, contentType, body string) *Client {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "Bearer secret", r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return &Client{URL: server.URL, Key: "secret"}
}

const events = "text/event-stream"

func TestStreamCollectsAnAnswer(t *testing.T) {
	c := answering(t, 200, events, `data: {"choices":[{"delta":{"role":"assistant","content":null}}]}

: ping

data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}

data: {"choices":[{"delta":{"content":"Hel"}}]}

data: {"choices":[{"delta":{"content":"lo"}}]}

data: {"choices":[{"delta":{},"finish_reason":"length"}]}

data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}},"timings":{"cache_n":4,"prompt_n":5,"prompt_ms":1.5,"predicted_n":3}}

data: [DONE]

`)
	pieces := 0
	a, err := c.Stream(t.Context(), "/v1/chat/completions", Body{}, func(*Answer) error { pieces++; return nil })
	require.NoError(t, err)
	assert.Equal(t, 3, pieces)
	assert.Equal(t, "Hello", a.Text)
	assert.Equal(t, "hm", a.Thoughts)
	assert.Equal(t, "length", a.Finish)
	assert.Equal(t, 4, a.Usage.Details.Cached)
	assert.Equal(t, Timings{Cached: 4, Prompt: 5, PromptMS: 1.5, Predicted: 3}, a.Timings)
	assert.Len(t, a.Pieces, 3)
	assert.Len(t, a.Gaps(), 2)
	assert.Equal(t, a.Pieces[0], a.First())
	assert.GreaterOrEqual(t, a.Total, a.Pieces[2])
}

func TestStreamReportsWhatIsWrong(t *testing.T) {
	piece := `data: {"choices":[{"text":"a"}]}` + "\n\n"
	for name, tc := range map[string]struct {
		status      int
		contentType string
		body, says  string
	}{
		"an error object":      {429, "application/json", `{"error":{"message":"too many","type":"rate_limit_error"}}`, "429, rate_limit_error: too many"},
		"an error without one": {500, "text/plain", "oh no", "500, no error object: oh no"},
		"no stream":            {200, "application/json", "{}", `content type is "application/json"`},
		"a cut stream":         {200, events, piece, "ended without [DONE]"},
		"an error in it":       {200, events, piece + `data: {"error":{"message":"broke","type":"server_error"}}` + "\n\n", "server_error: broke"},
		"no JSON":              {200, events, "data: {\n\n", "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := answering(t, tc.status, tc.contentType, tc.body).Stream(t.Context(), "/v1/completions", Body{}, nil)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func TestStreamEndsWhenItsReaderWants(t *testing.T) {
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", events)
		io.WriteString(w, "data: {\"choices\":[{\"text\":\"a\"}]}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	defer server.Close()
	enough := errors.New("enough")
	a, err := (&Client{URL: server.URL}).Stream(t.Context(), "/", Body{}, func(*Answer) error { return enough })
	require.ErrorIs(t, err, enough)
	assert.Equal(t, "a", a.Text)
	<-gone
}

func TestMetricSumsOverLabels(t *testing.T) {
	text := "# TYPE n counter\nn{a=\"1\"} 2\nn{a=\"} 9\"} 3 1700000000\nnn 7\ngo_goroutines 12\n"
	for name, want := range map[string]float64{"n": 5, "nn": 7, "go_goroutines": 12} {
		got, err := answering(t, 200, "text/plain", text).Metric(t.Context(), name)
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	_, err := answering(t, 200, "text/plain", text).Metric(t.Context(), "m")
	require.ErrorContains(t, err, "no metric m")
}

func TestProseIsAsLongAsAsked(t *testing.T) {
	assert.Equal(t, Prose(1, 50), Prose(1, 50))
	assert.NotEqual(t, Prose(1, 50), Prose(2, 50))
	assert.Len(t, strings.Fields(Prose(3, 1000)), 1000)

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Content string }
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		json.NewEncoder(w).Encode(map[string]any{"tokens": make([]int, len(body.Content))})
	}))
	defer server.Close()
	text, n, err := (&Client{URL: server.URL}).ProseOf(t.Context(), 1, 4000)
	require.NoError(t, err)
	assert.Equal(t, len(text), n)
	assert.InDelta(t, 4000, n, 400)
}

func TestGapsOfOnePieceAreNone(t *testing.T) {
	a := Answer{Pieces: []time.Duration{time.Second}, Total: 2 * time.Second}
	assert.Empty(t, a.Gaps())
	assert.Equal(t, time.Second, a.First())
	assert.Equal(t, 2*time.Second, (&Answer{Total: 2 * time.Second}).First())
}

func TestTailKeepsTheEnd(t *testing.T) {
	var log Tail
	for range 3 {
		n, err := log.Write([]byte(strings.Repeat("a", 3000)))
		require.NoError(t, err)
		require.Equal(t, 3000, n)
	}
	fmt.Fprint(&log, "end")
	assert.Len(t, log.String(), kept)
	assert.True(t, strings.HasSuffix(log.String(), "aend"))
}
