package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/served"
)

// faultVariable is the variable that names what the stand-in does wrong.
const faultVariable = "LOADSERVE_FAULT"

// TestMain lets the test binary stand in for the program when it runs under its name.
func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) != "gosling":
		os.Exit(m.Run())
	case os.Args[1] == "key":
		fmt.Println("key-of-" + os.Args[3])
	default:
		stand(os.Args[len(os.Args)-1], os.Getenv(faultVariable))
	}
}

type object = map[string]any

// stand is a server whose answers depend on the prompt and the seed alone, unless it has a fault.
func stand(port, fault string) {
	var asked atomic.Int64
	refuse := func(w http.ResponseWriter, status int) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(object{"error": object{"message": "no", "type": "invalid_request_error"}})
	}
	answer := func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
		var body struct {
			Prompt   string          `json:"prompt"`
			Messages json.RawMessage `json:"messages"`
			Max      int             `json:"max_tokens"`
			N        int             `json:"n"`
			Seed     int             `json:"seed"`
			Cache    *bool           `json:"cache"`
		}
		if err == nil {
			err = json.Unmarshal(text, &body)
		}
		if err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || body.Prompt == "" && len(body.Messages) < 20 || body.Max < 0 || body.N > 16 || !utf8.Valid(text) {
			refuse(w, http.StatusBadRequest)
			return
		}
		n := asked.Add(1)
		hash := fnv.New64a()
		fmt.Fprint(hash, body.Prompt, string(body.Messages), body.Seed)
		sum := hash.Sum64()
		if fault == "wrong" && n > 50 {
			sum += uint64(n)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		send := func(event object) {
			data, _ := json.Marshal(event)
			fmt.Fprintf(w, "data: %s\n\n", data)
			w.(http.Flusher).Flush()
		}
		tokens := 0
		for ; tokens < body.Max && r.Context().Err() == nil; tokens++ {
			if body.Max > 100 {
				time.Sleep(time.Millisecond)
			}
			piece := string(rune('a' + sum>>(tokens%50)%26))
			send(object{"choices": []object{{"text": piece, "delta": object{}}}})
		}
		cached := 0
		if body.Cache == nil || *body.Cache {
			cached = 1
		}
		if fault == "cut" && n > 50 {
			return
		}
		send(object{"choices": []object{{"finish_reason": "length"}}})
		send(object{"choices": []object{}, "usage": object{"prompt_tokens": 9, "completion_tokens": tokens, "prompt_tokens_details": object{"cached_tokens": cached}}})
		fmt.Fprint(w, "data: [DONE]\n\n")
		if fault == "grows" {
			go func() { select {} }()
		}
	}
	http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		n := int64(7)
		if fault == "grows" {
			n += asked.Load()
		}
		fmt.Fprintf(w, "go_goroutines %d\n", n)
	})
	http.HandleFunc("/tokenize", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		json.NewEncoder(w).Encode(object{"tokens": make([]int, len(text))})
	})
	http.HandleFunc(texts, answer)
	http.HandleFunc(chats, answer)
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound) })
	fmt.Println(http.ListenAndServe("127.0.0.1:"+port, nil))
}

// runWith runs the program on the stand-in.
func runWith(t *testing.T, fault string, args ...string) (report, error) {
	t.Helper()
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	t.Setenv(faultVariable, fault)
	self, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "gosling")
	if err := os.Symlink(self, program); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	var out, diagnostics bytes.Buffer
	err = run(context.Background(), append([]string{"-gosling", program, "-o", "json", "-long", "400"}, args...), &out, &diagnostics)
	var r report
	if out.Len() > 0 {
		require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	}
	return r, err
}

func TestLoadChecksAnswers(t *testing.T) {
	r, err := runWith(t, "", "-clients", "1,8", "-requests", "60")
	require.NoError(t, err)
	require.Len(t, r.Stages, 2)
	for _, s := range r.Stages {
		assert.Equal(t, 60, s.Requests)
		assert.Empty(t, s.Failures)
		assert.Positive(t, s.Tokens)
		assert.LessOrEqual(t, s.First.P50, s.Total.P99)
	}
	for fault, says := range map[string]string{"wrong": "when it was asked alone", "cut": "ended without [DONE]"} {
		r, err := runWith(t, fault, "-clients", "4", "-requests", "40")
		require.ErrorContains(t, err, "checks failed")
		found := ""
		for failure := range r.Stages[0].Failures {
			found += failure
		}
		assert.Contains(t, found, says)
	}
}

func TestExactAsksInEveryWay(t *testing.T) {
	r, err := runWith(t, "", "-exact", "-requests", "20")
	require.NoError(t, err)
	assert.Len(t, r.Stages, 8)
	assert.Len(t, r.Checks, 8)
	assert.Equal(t, "1 slots, cache off, 1 clients", r.Stages[0].Name)
	assert.Equal(t, "8 slots, cache on, 16 clients", r.Stages[7].Name)
	_, err = runWith(t, "wrong", "-exact", "-requests", "20")
	require.ErrorContains(t, err, "checks failed")
}

func TestFairLetsAllConversationsRun(t *testing.T) {
	r, err := runWith(t, "", "-fair", "-duration", "300ms")
	require.Len(t, r.Checks, 5)
	assert.Contains(t, r.Checks[0].Says, "want at most 1.05")
	assert.Contains(t, r.Checks[4].Says, "dag: a conversation waited")
	if !r.Checks[0].Held { // the stand-in does not share its time
		require.ErrorContains(t, err, "checks failed")
	}
}

func TestFaultsBesideNormalClients(t *testing.T) {
	r, err := runWith(t, "", "-faults", "-duration", "500ms")
	require.NoError(t, err)
	require.Len(t, r.Stages, 2)
	assert.Greater(t, r.Stages[0].Faults, 3)
	assert.Equal(t, pooled, r.Stages[1].Requests)
}

func TestSoakComparesWithTheBeginning(t *testing.T) {
	r, err := runWith(t, "", "-soak", "400ms")
	require.Len(t, r.Stages, 2)
	require.NotEmpty(t, r.Checks)
	if err != nil { // the stand-in is this process, in which other tests have left their garbage
		require.ErrorContains(t, err, "checks failed")
	}
}

func TestEveryMalformedBodyIsRefusedOrReported(t *testing.T) {
	refused := true
	c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if refused {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":{"message":"no","type":"invalid_request_error"}}`)
		}
	})
	for round := range malformedBodies {
		if round%8 != 0 { // those are for smuggled requests
			assert.NoError(t, c.malformed(t.Context(), nil, round))
		}
	}
	refused = false
	require.ErrorContains(t, c.malformed(t.Context(), nil, 1), "not JSON: the server answered 200 OK")
}

// serving returns a target that is this process.
func serving(t *testing.T, handler http.HandlerFunc) *target {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &target{Client: served.Client{URL: server.URL, HTTP: &http.Client{Transport: transport}}, transport: transport}
}

func TestSmuggledRequestsAreRefused(t *testing.T) {
	c := serving(t, func(http.ResponseWriter, *http.Request) {})
	require.NoError(t, c.smuggle(t.Context()))
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	good := func() *served.Answer {
		a := &served.Answer{Text: "ab", Finish: "stop"}
		a.Usage.Prompt, a.Usage.Completed = 5, 2
		return a
	}
	j := &job{body: served.Body{"max_tokens": 4}, reference: "\x00ab"}
	require.NoError(t, j.check(good()))
	for says, change := range map[string]func(a *served.Answer){
		`finish_reason is ""`:               func(a *served.Answer) { a.Finish = "" },
		"0 tokens, want 1 to 4":             func(a *served.Answer) { a.Usage.Completed = 0 },
		"5 tokens, want 1 to 4":             func(a *served.Answer) { a.Usage.Completed = 5 },
		"a limit of 2 tokens, want 4":       func(a *served.Answer) { a.Finish = "length" },
		"5 tokens in the prompt, 6 of":      func(a *served.Answer) { a.Usage.Details.Cached = 6 },
		"not UTF-8":                         func(a *served.Answer) { a.Text = "a\xff" },
		`the text is "\x00ac", but "\x00ab`: func(a *served.Answer) { a.Text = "ac" },
	} {
		a := good()
		change(a)
		require.ErrorContains(t, j.check(a), says)
	}
}

func TestGrownComparesWhatIsKnown(t *testing.T) {
	before := served.Resources{Descriptors: 10, Goroutines: -1}
	assert.NoError(t, grown(before, served.Resources{Descriptors: 10 + spare, Goroutines: 900}))
	assert.EqualError(t, grown(before, served.Resources{Descriptors: 11 + spare, Goroutines: 1}), "15 descriptors, 10 before")
	var r report
	r.resources(served.Resources{RSS: 1, Private: 1 << 20}, served.Resources{Private: 3 << 20}, 1<<20)
	assert.Equal(t, 1, r.failed())
	r = report{}
	r.resources(served.Resources{RSS: 1, Private: 1}, served.Resources{Private: 3 << 40}, -1)
	assert.Zero(t, r.failed())
	r = report{}
	r.resources(served.Resources{RSS: -1}, served.Resources{}, 0)
	assert.Empty(t, r.Checks, "nothing is known")
}

func TestJudgeOfShares(t *testing.T) {
	s := &shares{tokens: map[string]int{"ann": 100, "ben": 104, "cem": 101, "dag": 103}, waits: map[string]time.Duration{"ann": 8 * time.Second, "ben": 0, "cem": 0, "dag": 600 * time.Millisecond}}
	const in = 408 * 125 * time.Microsecond // a turn takes 256 ms
	var r report
	s.judge(&r, in)
	require.Len(t, r.Checks, 5)
	assert.Equal(t, 1, r.failed(), "%v", r.Checks)
	assert.Contains(t, r.Checks[4].Says, "dag: a conversation waited 600ms at most, want 1.536s") // 2 slots for 4 conversations
	assert.False(t, r.Checks[1].Held, "ann may wait for 7.68 s")
	s.tokens["ann"] = 98
	r = report{}
	s.judge(&r, in)
	assert.False(t, r.Checks[0].Held)
	r = report{}
	(&shares{}).judge(&r, in)
	assert.Equal(t, 1, r.failed())
}

func TestSampleIsBounded(t *testing.T) {
	var s sample
	assert.Equal(t, percentiles{}, s.percentiles())
	for i := range 3 * sampled {
		s.add(float64(i))
	}
	assert.Len(t, s.kept, sampled)
	assert.InDelta(t, 1.5*sampled, s.percentiles().P50, 0.1*sampled)
}

func TestFailuresAreCounted(t *testing.T) {
	into := newRecord()
	for i := range 80 {
		into.answer(nil, fmt.Errorf("failure %d", i))
	}
	into.misuse(errors.New("failure 3"))
	into.misuse(nil)
	s := into.stage("x")
	assert.Equal(t, 80, s.Requests)
	assert.Equal(t, 2, s.Faults)
	assert.Len(t, s.Failures, 51)
	assert.Equal(t, 30, s.Failures["others"])
	r := report{Stages: []stage{s}}
	assert.Equal(t, 81, r.failed())
	var out bytes.Buffer
	require.NoError(t, r.print(&out, "md"))
	assert.Contains(t, out.String(), "x: FAILED 2 times: failure 3\n")
}

func TestParseRejects(t *testing.T) {
	for args, says := range map[string]string{
		"-clients 0":                     "want numbers from 1 to 64",
		"-exact -fair":                   "choose one of",
		"-url http://127.0.0.1:1 -exact": "omit -url",
		"-url http://example.com":        "an address of this machine",
		"-url https://localhost":         "an address of this machine",
		"-duration 0s":                   "at most 24h",
		"-soak 25h":                      "at most 24h",
		"-requests -1":                   "up to a million",
		"-long 3":                        "up to a million",
		"-o csv":                         "want md or json",
		"model.gguf":                     "unknown argument",
	} {
		_, err := parse(strings.Fields(args), io.Discard)
		require.ErrorContains(t, err, says, args)
	}
	o, err := parse([]string{"-url", "http://localhost:8080/"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 4, 16, 64}, o.clients)
}
