package cli

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// FuzzPrintTask prints the result of a task, whatever was measured.
func FuzzPrintTask(f *testing.F) {
	f.Add([]byte(`{"kinds":[{"name":"a\u001bb","items":7}],"accuracy":{"value":1e308},"ppl":{"value":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<12)()
		var task compare.TaskResult
		if json.Unmarshal(data, &task) == nil {
			require.NoError(t, compare.WriteTask(io.Discard, task))
		}
	})
}
