package server

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/service"
)

// idle waits until the model computes nothing.
func (k client) idle() {
	k.Helper()
	assert.Eventually(k, func() bool {
		s := k.o.Model.Stats()
		return s.Queued+s.Reading+s.Waiting+s.Decoding+s.Parked == 0
	}, 30*time.Second, time.Millisecond)
}

// endless is a request for a text that only the client ends.
const endless = `{"prompt": "ROMEO:", "stream": true, "ignore_eos": true, "seed": 1}`

// TestFaultsClientsThatLeave leaves a stream behind each of its first events. The slots are free soon, and others get what they always get.
func TestFaultsClientsThatLeave(t *testing.T) {
	k := newClient(t, service.Options{Slots: 2, Cache: 64 << 20})
	question := fields{"messages": user("What is 17 + 25?"), "temperature": 0}
	for events := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "POST", k.url("/v1/completions"), strings.NewReader(endless))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		response, err := k.client.Do(r)
		require.NoError(t, err)
		lines := bufio.NewReader(response.Body)
		for range 2 * events {
			_, err := lines.ReadString('\n')
			require.NoError(t, err)
		}
		cancel()
		response.Body.Close()
		assert.Equal(t, "42", at(k.post("/v1/chat/completions", question), "choices", 0, "message", "content"))
	}
	k.idle()
}

// TestFaultsClientsThatDoNotRead asks for endless texts and reads nothing. Others are answered, and the texts end.
func TestFaultsClientsThatDoNotRead(t *testing.T) {
	limits := usual
	limits.write = 300 * time.Millisecond
	m := newModel(t, service.Options{Slots: 2, Schedule: sched.Options{WriteTimeout: 300 * time.Millisecond}})
	k := client{trial: begin(t, Options{Model: m}, limits)}
	wide := strings.Replace(endless, "{", `{"logprobs": 20, `, 1) // which fills the system's buffers sooner
	for range 4 {
		c := k.dial("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + body(wide))
		require.NoError(t, c.(*net.TCPConn).SetReadBuffer(4096))
	}
	for range 3 {
		answer := k.post("/v1/chat/completions", fields{"messages": user("What is 17 + 25?"), "temperature": 0})
		assert.Equal(t, "42", at(answer, "choices", 0, "message", "content"))
	}
	k.idle()
}

// TestFaultsAFileThatChanges changes the file of a model that is served. Requests fail, and the server goes on.
func TestFaultsAFileThatChanges(t *testing.T) {
	newModel(t, service.Options{}) // or the test is skipped
	libraries, err := ggml.Find(ggmltest.Options())
	require.NoError(t, err)
	original, err := demo.Model()
	require.NoError(t, err)
	data, err := os.ReadFile(original)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "goose.gguf")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	model, err := lm.Open(t.Context(), path, lm.Options{Libraries: libraries, Threads: 1, Device: "cpu", Kernels: "off"})
	require.NoError(t, err)
	defer model.Close()
	m, err := service.New(model, service.Options{})
	require.NoError(t, err)
	defer m.Close()
	b := start(t, Options{Model: m})
	defer func() { assert.NoError(t, b.stop()) }()
	k := client{trial: b}
	question := fields{"messages": user("What is 17 + 25?")}
	k.post("/v1/chat/completions", question)
	require.NoError(t, os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)))
	status, answer := k.ask("POST", "/v1/chat/completions", question)
	if status == http.StatusOK {
		t.Skip("no weights are computed with in the file's own memory")
	}
	assert.Equal(t, http.StatusInternalServerError, status)
	assert.NotContains(t, at(answer, "error", "message"), "goose.gguf")
	r, _ := k.do("GET", "/health", "")
	assert.Equal(t, http.StatusOK, r.StatusCode)
}

// TestSecondTurn holds conversations as clients do, and counts the tokens that the second turn reads.
func TestSecondTurn(t *testing.T) {
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	system := fields{"role": "system", "content": strings.Repeat("A goose knows every pond. ", 20)}
	for name, tc := range map[string]struct {
		options service.Options
		more    fields
		pieces  bool // the answer comes back in other pieces, as some clients send it
	}{
		"live":             {},
		"thoughts dropped": {more: fields{"think": "on", "think_budget": 8, "ignore_eos": true, "max_tokens": 40}},
		"answer as parts":  {pieces: true},
	} {
		t.Run(name, func(t *testing.T) {
			tc.options.Cache = 64 << 20
			if tc.more != nil {
				tc.options.Format.Template = g1
			}
			k := newClient(t, tc.options)
			messages := append([]fields{system}, user("What is 17 + 25?")...)
			ask := func() fields {
				request := fields{"messages": messages, "temperature": 0}
				for field, value := range tc.more {
					request[field] = value
				}
				answer := k.post("/v1/chat/completions", request)
				require.NoError(t, k.o.Model.Settle(t.Context()))
				return answer
			}
			first := ask()
			var content any = at(first, "choices", 0, "message", "content")
			if tc.pieces {
				content = []fields{{"type": "text", "text": content}}
			}
			const next = "Capitals: red wine"
			messages = append(messages, fields{"role": "assistant", "content": content}, user(next)[0])
			second := ask()
			read, _ := at(second, "timings", "prompt_n").(float64)
			assert.LessOrEqual(t, int(read), len("\n\nUser: "+next+" (think)\n\nAssistant: <think")+16)
			assert.Greater(t, at(second, "timings", "cache_n"), at(first, "timings", "prompt_n").(float64)-40)
		})
	}
}
