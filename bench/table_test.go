package bench_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/internal/float"
)

func TestResultsAsATable(t *testing.T) {
	var out strings.Builder
	require.NoError(t, bench.WriteTable(&out, []bench.Result{
		{ModelType: "rwkv7|Q8_0", ModelSize: 3 << 20, Parameters: 2_500_000, Backends: "CPU", Threads: 2, Kernels: "avx2", Prompt: 512, AvgTS: 12.5, StddevTS: 0.25},
		{ModelType: "rwkv7", Gen: 128, AvgTS: float.Rate(1, 0), BandwidthShare: 0.5},
	}))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	assert.Equal(t, []string{"model", "size", "params", "backend", "threads", "kernels", "test", "t/s", "bandwidth"}, fields(lines[0]))
	assert.Equal(t, []string{`rwkv7\|Q8_0`, "3.0 MiB", "2.50 M", "CPU", "2", "avx2", "pp512", "12.50 ± 0.25", ""}, fields(lines[2]))
	got := fields(lines[3])
	assert.Equal(t, []string{"tg128", "50 %"}, []string{got[6], got[8]})
	assert.NotContains(t, got[7], "Inf")
}

// fields returns the cells of a row.
func fields(row string) []string {
	cells := strings.Split(strings.Trim(row, "|"), " |")
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(cell)
	}
	return cells
}
