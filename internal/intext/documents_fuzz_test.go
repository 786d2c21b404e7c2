package intext

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// FuzzDocuments reads lines of JSON with texts. The texts must come out in order. Written into such a line, they must come out
// again.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte("{\"text\":\"one\"}\n\n{\"id\":7,\"text\":\"two\\n\"}"))
	f.Add([]byte("{\"text\":null}"))
	f.Add([]byte("{\"TEXT\":\"\\ud800\"}\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		text, err := Documents(data)
		if err != nil {
			return
		}
		lines := 0
		for line := range strings.Lines(string(data)) {
			if strings.TrimSpace(line) != "" {
				lines++
			}
		}
		require.LessOrEqual(t, len(text), 3*len(data)+len(betweenDocuments)*lines)
		var one bytes.Buffer
		e := json.NewEncoder(&one)
		e.SetEscapeHTML(false)
		require.NoError(t, e.Encode(map[string]string{"text": string(text)}))
		again, err := Documents(one.Bytes())
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
	})
}
