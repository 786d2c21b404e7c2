package grammar_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// TestOfficialSuite runs the official test suite of JSON Schema, of the folder that JSON_SCHEMA_SUITE names (tests/draft2020-12). No
// invalid document fits a grammar, and documents that are sampled are valid. Of the valid documents, most fit.
func TestOfficialSuite(t *testing.T) {
	folder := os.Getenv("JSON_SCHEMA_SUITE")
	if folder == "" {
		t.Skip("JSON_SCHEMA_SUITE does not name the folder tests/draft2020-12 of the JSON Schema test suite")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	taken, refused, fit, unfit := 0, 0, 0, 0
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var groups []struct {
			Description string
			Schema      json.RawMessage
			Tests       []struct {
				Description string
				Data        json.RawMessage
				Valid       bool
			}
		}
		require.NoError(t, json.Unmarshal(raw, &groups))
		for _, group := range groups {
			g, err := grammar.FromSchema(group.Schema)
			if err != nil {
				refused++
				continue
			}
			taken++
			where := filepath.Base(file) + ": " + group.Description
			for _, test := range group.Tests {
				var text bytes.Buffer
				require.NoError(t, json.Compact(&text, test.Data))
				switch ok := accepts(t, g, text.String()); {
				case !test.Valid:
					assert.False(t, ok, "%s: %s: an invalid document fits: %s", where, test.Description, &text)
				case ok:
					fit++
				default:
					unfit++
				}
			}
			compiled := judge(t, string(group.Schema))
			for range 3 {
				if text := sampleJSON(t, g, byteVocabulary, tokenizer.Bytes(), rnd); text != "" {
					assert.NoError(t, valid(compiled, text), "%s: %s", where, text)
				}
			}
		}
	}
	t.Logf("%d schemas taken, %d refused; %d valid documents fit, %d do not", taken, refused, fit, unfit)
	assert.Greater(t, taken, 100)
	assert.Greater(t, fit, unfit, "the others are of types that the keywords only imply, 1.0 for 1, and properties in another order")
}
