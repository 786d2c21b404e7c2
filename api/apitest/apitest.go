// Package apitest holds the tests that every dialect of the HTTP interface passes.
//
// Limits: it looks at requests only. Each dialect has files of its own for its responses.
package apitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
)

// Endpoints are the decoders of a dialect by a name for each endpoint.
type Endpoints map[string]func(body []byte) (any, error)

// Decoder makes an entry of Endpoints.
func Decoder[T any](decode func(body []byte) (*T, error)) func(body []byte) (any, error) {
	return func(body []byte) (any, error) { return decode(body) }
}

// files returns the requests in testdata/decode.
func files(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/decode/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, list)
	return list
}

// Requests decodes the files testdata/decode/ENDPOINT-WHAT.json and holds the results to those beside them. A name with "-bad-" is a request
// that is an error.
func Requests(t *testing.T, endpoints Endpoints) {
	for _, file := range files(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			endpoint, _, _ := strings.Cut(filepath.Base(file), "-")
			require.Contains(t, endpoints, endpoint)
			request, err := endpoints[endpoint](body)
			var got strings.Builder
			var bad *api.Error
			if errors.As(err, &bad) {
				fmt.Fprintf(&got, "%d %s\n", bad.Code(), api.EncodeError(bad))
			} else {
				require.NoError(t, err)
				require.NoError(t, jsontext.Write(&got, request))
			}
			assert.Equal(t, strings.Contains(file, "-bad-"), err != nil)
			golden.Text(t, strings.TrimSuffix(file, ".json")+".golden", got.String())
		})
	}
}

// Fuzz decodes any body at every endpoint. An error must be the client's. check looks at what was accepted.
func Fuzz(f *testing.F, endpoints Endpoints, check func(t *testing.T, request any)) {
	for _, file := range files(f) {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		defer fuzzing.Guard(t, len(body), 1<<8)()
		for _, decode := range endpoints {
			request, err := decode(body)
			if err == nil {
				check(t, request)
				continue
			}
			var bad *api.Error
			require.ErrorAs(t, err, &bad)
			require.Equal(t, 400, bad.Code())
			require.True(t, json.Valid(api.EncodeError(bad)))
			require.Less(t, len(bad.Message), 4096)
		}
	})
}
