package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary stand in for the programs when it runs under the name of one.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); {
	case name == "gosling" && os.Args[1] == "bench":
		fmt.Println(`[{"pl": 8, "t": 10.24}]`)
	case name == "gosling" || name == "llama-server":
		stand(os.Args[len(os.Args)-1])
	default:
		os.Exit(m.Run())
	}
}

// stand serves on a port what the cases ask for: a token is four bytes, a stream has a piece for each token, and long prompts take a
// moment. A prompt that says "few" gets one token too few.
func stand(port string) {
	flush := func(w http.ResponseWriter, event any) {
		data, _ := json.Marshal(event)
		fmt.Fprintf(w, "data: %s\n\n", data)
		w.(http.Flusher).Flush()
	}
	type m = map[string]any
	answer := func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Prompt    string `json:"prompt"`
			MaxTokens int    `json:"max_tokens"`
		}
		json.NewDecoder(r.Body).Decode(&body)
		if len(body.Prompt) > 300 {
			time.Sleep(150 * time.Millisecond)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		n := 0
		for ; n < body.MaxTokens && r.Context().Err() == nil; n++ {
			if body.MaxTokens > 1000 {
				time.Sleep(time.Millisecond)
			}
			flush(w, m{"choices": []m{{"text": "a", "delta": m{"content": "a"}}}})
		}
		flush(w, m{"choices": []m{}, "usage": m{"completion_tokens": n}, "timings": m{"prompt_n": 9}})
		fmt.Fprint(w, "data: [DONE]\n\n")
	}
	http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/tokenize", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		json.NewEncoder(w).Encode(m{"tokens": make([]int, len(text)/4)})
	})
	http.HandleFunc(texts, answer)
	http.HandleFunc(chats, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(text))
		answer(w, r)
	})
	fmt.Println(http.ListenAndServe("127.0.0.1:"+port, nil))
}

// programs links the test binary under the names of both.
func programs(t *testing.T) string {
	t.Helper()
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range []string{"gosling", "llama-server"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	return dir
}

func TestRunMeasuresAllCases(t *testing.T) {
	dir := programs(t)
	var out, diagnostics bytes.Buffer
	err := run(context.Background(), []string{"--gosling", filepath.Join(dir, "gosling"), "--llama-server", filepath.Join(dir, "llama-server"),
		"m.gguf", "-rounds", "2", "-clients", "1,8", "-long", "1000", "-pause", "0s", "-o", "json"}, &out, &diagnostics)
	if err != nil {
		require.ErrorIs(t, err, errMissed, diagnostics.String())
	}
	var r report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	var cases []string
	for _, one := range r.Rows {
		cases = append(cases, one.Case)
		assert.Positive(t, one.Gosling, one.Case)
		assert.Positive(t, one.Peer, one.Case)
		assert.LessOrEqual(t, one.GainLow, one.GainHigh, one.Case)
	}
	assert.Equal(t, []string{"1 clients x 64 tokens", "8 clients x 64 tokens", firstAlone, firstBeside, stepAlone, gapBeside,
		"second turn: first token", readLive, "second turn, thoughts dropped: first token", readDropped, "64 conversations on 8 slots"}, cases)
	assert.Len(t, r.Checks, 9)
	assert.Equal(t, "m.gguf", r.Model)
	assert.Equal(t, 2, r.Rounds)
	assert.Equal(t, "round 1 of 2: gosling\nround 1 of 2: llama-server\nround 2 of 2: llama-server\nround 2 of 2: gosling\n", diagnostics.String())
}

func TestRunReportsAServerThatCannotStart(t *testing.T) {
	dir := programs(t)
	err := run(context.Background(), []string{"--gosling", filepath.Join(dir, "gosling"), "--llama-server", filepath.Join(dir, "none"), "m.gguf",
		"--bar", "throughput", "-rounds", "1", "-clients", "1"}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "llama-server, round 1")
}

func TestParseRejects(t *testing.T) {
	for says, args := range map[string]string{
		"name one GGUF file":            "--llama-server x",
		"2 models":                      "--llama-server x a b",
		"no peer":                       "a",
		`-bar "speed": want throughput`: "--llama-server x a -bar speed",
		"at least 1":                    "--llama-server x a -rounds 0",
		`-o "csv": want md or json`:     "--llama-server x a -o csv",
		`-clients "1,17": want numbers`: "--llama-server x a -clients 1,17",
		"flag provided but not defined": "--llama-server x a -speed",
		"a positive -latency":           "--llama-server x a -latency 0s",
	} {
		_, err := parse(strings.Fields(args), io.Discard)
		require.ErrorContains(t, err, says)
	}
}

// measured returns figures of one round that hold all bars.
func measured(change ...figure) figures {
	f := figures{{throughputOf(1), "tok/s", 100}, {throughputOf(8), "tok/s", 95}, {ownBench, "tok/s", 100}, {firstAlone, "ms", 50}, {firstBeside, "ms", 300},
		{stepAlone, "ms", 10}, {gapBeside, "ms", 220}, {newTokens, "tokens", 10}, {readLive, "tokens", 26}, {readDropped, "tokens", 20}}
	for _, c := range change {
		for i := range f {
			if f[i].name == c.name {
				f[i].value = c.value
			}
		}
	}
	return f
}

func TestReportHoldsTheBars(t *testing.T) {
	o := options{clients: []int{1, 8}, latency: 200 * time.Millisecond, model: "m.gguf"}
	peer := measured(figure{throughputOf(8), "", 80}, figure{firstBeside, "", 900}, figure{gapBeside, "", 2200})
	for name, tc := range map[string]struct {
		change []figure
		missed string
	}{
		"all held":                     {},
		"slower with one client":       {[]figure{{throughputOf(1), "", 99}}, "1 clients: 0.990"},
		"hardly faster with eight":     {[]figure{{throughputOf(8), "", 90.1}}, ""},
		"not 1.1 times as fast":        {[]figure{{throughputOf(8), "", 87}, {ownBench, "", 90}}, "8 clients: 1.087 of llama-server's"},
		"slower than the bench":        {[]figure{{ownBench, "", 110}}, "8 clients: 0.864 (0.864 to 0.864) of gosling bench"},
		"a late first token":           {[]figure{{firstBeside, "", 301}}, "301 ms, want at most 300"},
		"a first token after the peer": {[]figure{{firstAlone, "", 400}}, ""},
		"a long gap":                   {[]figure{{gapBeside, "", 221}}, "221 ms, want at most 220"},
		"a turn that reads more":       {[]figure{{readLive, "", 27}}, "27, want at most 26"},
		"thoughts that are read again": {[]figure{{readDropped, "", 700}}, "700, want at most 26"},
	} {
		t.Run(name, func(t *testing.T) {
			ours := measured(tc.change...)
			r, err := newReport(o, []figures{ours, ours, ours}, []figures{peer, peer, peer})
			require.NoError(t, err)
			require.Len(t, r.Checks, 9)
			var text bytes.Buffer
			require.NoError(t, r.printMarkdown(&text))
			assert.Equal(t, tc.missed != "", r.missed(), text.String())
			if tc.missed != "" {
				assert.Equal(t, 1, strings.Count(text.String(), "- MISSED"))
				assert.Contains(t, text.String(), tc.missed)
			}
		})
	}
	late := measured(figure{firstBeside, "", 250})
	r, err := newReport(o, []figures{late}, []figures{measured(figure{firstBeside, "", 249}, figure{throughputOf(8), "", 80}, figure{gapBeside, "", 500})})
	require.NoError(t, err)
	assert.True(t, r.missed(), "llama-server was earlier")
}

func TestReportIsTheMedianOfTheRounds(t *testing.T) {
	o := options{bar: "turns", model: "dir/m.gguf"}
	r, err := newReport(o, []figures{measured(figure{readLive, "", 10}), measured(figure{readLive, "", 20}), measured()},
		[]figures{measured(figure{readLive, "", 40}), measured(figure{readLive, "", 20}), measured(figure{readLive, "", 52})})
	require.NoError(t, err)
	row := r.row(readLive)
	assert.Equal(t, [5]float64{20, 40, 2, 1, 4}, [5]float64{row.Gosling, row.Peer, row.Gain, row.GainLow, row.GainHigh})
	_, err = newReport(o, []figures{{}}, []figures{measured()})
	require.ErrorContains(t, err, "not measured in every round")
}

func TestGapsAreThoseBeforeAndAfter(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	median, largest := gaps([]time.Duration{ms(0), ms(10), ms(20), ms(31), ms(231), ms(241)}, ms(35))
	assert.Equal(t, 10.0, median)
	assert.Equal(t, 200.0, largest)
}
