package bench_test

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/internal/float"
)

func TestResultsAsCSV(t *testing.T) {
	var out strings.Builder
	unknown := float.Rate(1, 0)
	require.NoError(t, bench.WriteCSV(&out, []bench.Result{
		{Model: "=m,1.gguf", Threads: 4, AvgTS: 12.5, SamplesNs: []int64{1, 2}, SamplesTS: []float.Number{3}},
		{Model: "n.gguf", AvgTS: unknown},
	}))
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	assert.NotContains(t, column, "samples_ns")
	assert.NotContains(t, column, "samples_ts")
	cell := func(row int, name string) string {
		require.Contains(t, column, name)
		return rows[row][column[name]]
	}
	assert.Equal(t, "'=m,1.gguf", cell(1, "model_filename"), "a spreadsheet must not take it for a formula")
	assert.Equal(t, "4", cell(1, "n_threads"))
	assert.Equal(t, "12.5", cell(1, "avg_ts"))
	assert.Empty(t, cell(2, "avg_ts"))
}

func TestParallelResultsAsCSV(t *testing.T) {
	var out strings.Builder
	require.NoError(t, bench.WriteCSV(&out, []bench.ParallelResult{{Model: "m.gguf", Prompt: 8, Sequences: 4, PromptSpeed: 2.5}}))
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.Equal(t, []string{"pp", "tg", "pl", "n_kv", "t_pp", "speed_pp", "t_tg", "speed_tg", "t", "speed"}, rows[0][8:18])
	assert.Equal(t, []string{"8", "0", "4", "0", "0", "2.5"}, rows[1][8:14])
}

func TestParallelResultsAsATable(t *testing.T) {
	var out strings.Builder
	require.NoError(t, bench.WriteParallel(&out, []bench.ParallelResult{
		{ModelType: "rwkv7", Backends: "CPU", Threads: 2, Kernels: "ggml", Prompt: 512, Gen: 128, Sequences: 16, Tokens: 10240,
			PromptTime: 1.5, PromptSpeed: 5461.333, GenTime: 0, GenSpeed: float.Rate(1, 0), Time: 1.5, Speed: 6826.67},
	}))
	lines := strings.Split(out.String(), "\n")
	assert.Equal(t, "rwkv7, CPU, 2 threads, ggml kernels", lines[0])
	assert.Equal(t, "|   512 |    128 |   16 |  10240 |    1.500 |  5461.33 |    0.000 |        - |    1.500 |  6826.67 |", lines[4])
	assert.Len(t, lines[3], len(lines[4]))

	full := errors.New("no space left")
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(full))
	assert.ErrorIs(t, bench.WriteParallel(w, []bench.ParallelResult{{}}), full)
}

func TestResultsThatCannotBeWritten(t *testing.T) {
	full := errors.New("no space left")
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(full))
	assert.ErrorIs(t, bench.WriteCSV(w, []bench.Result{{}}), full)
	assert.NoError(t, bench.WriteCSV[bench.Result](w, nil))
}
