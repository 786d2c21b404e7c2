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
	unknown := bench.Rate(1, 0)
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

func TestResultsThatCannotBeWritten(t *testing.T) {
	full := errors.New("no space left")
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(full))
	assert.ErrorIs(t, bench.WriteCSV(w, []bench.Result{{}}), full)
	assert.NoError(t, bench.WriteCSV(w, nil))
}
