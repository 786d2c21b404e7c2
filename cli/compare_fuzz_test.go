package cli

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// FuzzPrintComparison prints a candidate in every form, whatever was measured.
func FuzzPrintComparison(f *testing.F) {
	f.Add([]byte(`{"name":"Q4|K","bits_per_weight":null,"divergence":[{"scored_tokens":2,"kld":{"value":-1e308}}],"tasks":[{"kinds":[{"name":"a\u001bb"}]}]}`))
	f.Add([]byte(`{"name":"=1","size":-1,"prefill_tokens_per_second":1e308,"divergence":[{}],"tasks":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<12)()
		var done compare.Measured
		if json.Unmarshal(data, &done) != nil || len(done.Divergence) != 1 {
			return
		}
		r := compare.Comparison{Base: compare.Facts{Name: "F16", Tasks: done.Tasks}, Columns: []compare.Column{{Text: "a.txt", Context: 4}}, Candidates: []compare.Measured{done}}
		for _, table := range compare.Tables(r) {
			require.NoError(t, printTable(io.Discard, table, false))
			require.NoError(t, printTable(io.Discard, table, true))
		}
		require.NoError(t, compareCSV(io.Discard, r))
		for _, task := range done.Tasks {
			require.NoError(t, printTask(io.Discard, task))
		}
	})
}
