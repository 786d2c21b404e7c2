package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary stand in for the programs. Run under the name of one, it appends its arguments to calls.txt
// beside it. It then prints the file for its name and the number of its run.
func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{busyLoop}) {
		main()
	}
	dir, name := filepath.Split(os.Args[0])
	if name != "gosling" && name != "llama-bench" && name != "llama-batched-bench" {
		os.Exit(m.Run())
	}
	calls, _ := os.ReadFile(dir + "calls.txt")
	calls = fmt.Appendf(calls, "%s %s\n", name, strings.Join(os.Args[1:], " "))
	if err := os.WriteFile(dir+"calls.txt", calls, 0o644); err != nil {
		panic(err)
	}
	answer, err := os.ReadFile(fmt.Sprintf("%s%s.%d", dir, name, bytes.Count(calls, []byte(name+" "))))
	if err != nil {
		os.Exit(3)
	}
	os.Stdout.Write(answer)
}

// fakes puts the programs into a folder. They print the given outputs, run by run.
func fakes(t *testing.T, gosling, peer []string) string {
	t.Helper()
	t.Setenv("GORACE", "atexit_sleep_ms=0") // otherwise each run of a race-checked fake ends a second late
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	for name, outputs := range map[string][]string{"gosling": gosling, "llama-bench": peer, "llama-batched-bench": peer} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
		for i, output := range outputs {
			require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s.%d", name, i+1)), []byte(output), 0o644))
		}
	}
	return dir
}

// result returns what either program prints: the fields that matter, and one that does not.
func result(prefill, decode float64) string {
	return fmt.Sprintf(`[{"n_prompt": 64, "n_gen": 0, "avg_ts": %g, "stddev_ts": 0.1, "model_type": "rwkv7"},
		{"n_prompt": 0, "n_gen": 16, "avg_ts": %g, "stddev_ts": 0.1}]`, prefill, decode)
}

func runIn(dir string, args ...string) (stdout string, err error) {
	var out, diagnostics bytes.Buffer
	args = append([]string{"--gosling", filepath.Join(dir, "gosling"), "--llama-bench", filepath.Join(dir, "llama-bench")}, args...)
	err = run(context.Background(), args, &out, &diagnostics)
	return out.String(), err
}

func TestRunComparesInTurns(t *testing.T) {
	dir := fakes(t, []string{result(100, 20), result(330, 20), result(200, 20)}, []string{result(100, 10), result(110, 10), result(100, 40)})
	stdout, err := runIn(dir, "-t", "1", "m.gguf", "-p", "64", "-n", "16", "-r", "2", "--rounds", "3", "-o", "json",
		"--gosling-args", "--device cpu", "--llama-args", "-ngl 0")
	require.NoError(t, err)

	var rows []row
	require.NoError(t, json.Unmarshal([]byte(stdout), &rows))
	require.Len(t, rows, 2)
	for i := range rows {
		assert.GreaterOrEqual(t, rows[i].GoslingRSS, int64(1<<20))
		assert.GreaterOrEqual(t, rows[i].PeerRSS, int64(1<<20))
		rows[i].GoslingRSS, rows[i].PeerRSS = 0, 0
	}
	assert.InDelta(t, 310.0/3, rows[0].Peer, 1e-9)
	rows[0].Peer = 0
	assert.Equal(t, row{Model: "m.gguf", Test: "pp64", Rounds: 3, Gosling: 210, Ratio: 2, RatioLow: 1, RatioHigh: 3}, rows[0])
	assert.Equal(t, row{Model: "m.gguf", Test: "tg16", Rounds: 3, Gosling: 20, Peer: 20, Ratio: 2, RatioLow: 0.5, RatioHigh: 2}, rows[1])

	calls, err := os.ReadFile(filepath.Join(dir, "calls.txt"))
	require.NoError(t, err)
	ours := "gosling bench --device cpu -p 64 -n 16 -r 2 -t 1 -o json m.gguf\n"
	theirs := "llama-bench -m m.gguf -ngl 0 -p 64 -n 16 -r 2 -t 1 -o json\n"
	assert.Equal(t, ours+theirs+theirs+ours+ours+theirs, string(calls))
}

func TestRunComparesSequencesSideBySide(t *testing.T) {
	record := func(n int, prefill, decode float64) string {
		return fmt.Sprintf(`{"n_threads": 2, "pp": 64, "tg": 16, "pl": %d, "n_kv": %d, "speed_pp": %g, "speed_tg": %g}`, n, n*80, prefill, decode)
	}
	ours := "[" + record(1, 100, 10) + ", " + record(4, 200, 30) + "]"
	theirs := "main: n_kv_max = 320\n\n" + record(1, 100, 20) + "\n" + record(4, 400, 10) + "\n\ntimings\n"
	dir := fakes(t, []string{ours, ours}, []string{theirs, theirs})
	var out, diagnostics bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--gosling", filepath.Join(dir, "gosling"), "--llama-batched-bench", filepath.Join(dir, "llama-batched-bench"),
		"-npl", "1,4", "-t", "1", "m.gguf", "-p", "64", "-n", "16", "--rounds", "2", "--llama-args", "-ngl 0"}, &out, &diagnostics))
	lines := strings.Split(out.String(), "\n")
	assert.Contains(t, lines[0], "| gosling tok/s | llama-batched-bench tok/s |")
	assert.Contains(t, lines[2], "| m.gguf | pp64 x 1 | 100.00 | 100.00 | 1.000 (1.000 to 1.000) |")
	assert.Contains(t, lines[3], "| m.gguf | tg16 x 1 | 10.00 | 20.00 | 0.500 ")
	assert.Contains(t, lines[4], "| m.gguf | pp64 x 4 | 200.00 | 400.00 | 0.500 ")
	assert.Contains(t, lines[5], "| m.gguf | tg16 x 4 | 30.00 | 10.00 | 3.000 ")

	calls, err := os.ReadFile(filepath.Join(dir, "calls.txt"))
	require.NoError(t, err)
	gosling := "gosling bench --parallel 1,4 -p 64 -n 16 -r 1 -t 1 -o json m.gguf\n"
	peer := "llama-batched-bench -m m.gguf -ngl 0 -npl 1,4 -npp 64 -ntg 16 -c 320 -t 1 --output-format jsonl\n"
	assert.Equal(t, gosling+peer+peer+gosling, string(calls))
}

func TestRunPrintsATable(t *testing.T) {
	dir := fakes(t, []string{result(150, 9), result(150, 9)}, []string{result(100, 10), result(100, 10)})
	stdout, err := runIn(dir, "--rounds", "1", "dir/a.gguf", "dir/b.gguf")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	require.Len(t, lines, 6)
	assert.Contains(t, lines[2], "| a.gguf | pp64 | 150.00 | 100.00 | 1.500 (1.500 to 1.500) |")
	assert.Contains(t, lines[5], "| b.gguf | tg16 | 9.00 | 10.00 | 0.900 (0.900 to 0.900) |")
}

func TestRunRejects(t *testing.T) {
	good := result(1, 1)
	for name, tc := range map[string]struct {
		gosling, peer string
		args          []string
		says          string
	}{
		"no model":                      {good, good, nil, "no model"},
		"no peer":                       {good, good, []string{"m.gguf", "--llama-bench", ""}, "want one peer"},
		"no rounds":                     {good, good, []string{"m.gguf", "--rounds", "0"}, "want 1 or more"},
		"an unknown format":             {good, good, []string{"m.gguf", "-o", "csv"}, `-o "csv": want md or json`},
		"a number of no sequences":      {good, good, []string{"m.gguf", "-npl", "4,0"}, `-npl "4,0": want numbers from 1`},
		"two peers":                     {good, good, []string{"m.gguf", "--llama-batched-bench", "x"}, "want one peer"},
		"an unknown flag":               {good, good, []string{"m.gguf", "--speed"}, "-speed"},
		"output that is not JSON":       {"pp512 12", good, []string{"m.gguf"}, "gosling bench"},
		"a speed of nothing":            {result(0, 1), good, []string{"m.gguf"}, "pp64 has a speed of 0"},
		"a test that one program lacks": {good[:strings.Index(good, ",\n")] + "]", good, []string{"m.gguf", "--rounds", "1"}, "only one program has the test tg16"},
		"output without results":        {good, "[]", []string{"m.gguf", "--rounds", "1"}, "printed no results"},
		"a program that ends badly":     {good, "", []string{"m.gguf", "--rounds", "2"}, "llama-bench"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runIn(fakes(t, []string{tc.gosling}, []string{tc.peer}), tc.args...)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func TestRunTakesThePeakThatAProgramTells(t *testing.T) {
	dir := fakes(t, []string{`[{"n_prompt": 8, "n_gen": 0, "avg_ts": 1, "peak_rss": 123456}]`}, []string{`[{"n_prompt": 8, "n_gen": 0, "avg_ts": 1}]`})
	stdout, err := runIn(dir, "--rounds", "1", "-o", "json", "m.gguf")
	require.NoError(t, err)
	var rows []row
	require.NoError(t, json.Unmarshal([]byte(stdout), &rows))
	require.Len(t, rows, 1)
	assert.Equal(t, int64(123456), rows[0].GoslingRSS)
	assert.GreaterOrEqual(t, rows[0].PeerRSS, int64(1<<20))
}

func TestKeepBusy(t *testing.T) {
	used := time.Duration(0)
	for wait := 100 * time.Millisecond; used == 0 && wait < time.Minute; wait *= 2 { // a busy machine may not run the loops at once
		stop, err := keepBusy(t.Context(), 2)
		require.NoError(t, err)
		time.Sleep(wait)
		used = stop()
	}
	require.Positive(t, used)
}
