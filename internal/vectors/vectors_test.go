package vectors_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/vectors"
)

func ExampleWriter() {
	w := vectors.New(os.Stdout, vectors.JSON, "model.gguf")
	_ = w.Add([]float32{0.5, -1})
	_ = w.Add([]float32{2, 3})
	_ = w.End(7)
	// Output:
	// {"object": "list", "data": [
	// {"object":"embedding","index":0,"embedding":[0.5,-1]},
	// {"object":"embedding","index":1,"embedding":[2,3]}
	// ], "model": "model.gguf", "usage": {"prompt_tokens": 7, "total_tokens": 7}}
}

func TestFormats(t *testing.T) {
	rows := [][]float32{{1, 2}, {3, 4}}
	for format, want := range map[vectors.Format]string{
		vectors.Array: "[\n[1,2],\n[3,4]\n]\n",
		vectors.F32:   "\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40",
	} {
		var out bytes.Buffer
		w := vectors.New(&out, format, "m")
		for _, row := range rows {
			require.NoError(t, w.Add(row))
		}
		require.NoError(t, w.End(2))
		assert.Equal(t, want, out.String())
		assert.True(t, format.Known())
	}
	assert.True(t, vectors.JSON.Known())
	assert.False(t, vectors.Format("xml").Known())
}

func TestJSONOfAnyNumberOfEmbeddingsIsValid(t *testing.T) {
	for _, format := range []vectors.Format{vectors.JSON, vectors.Array} {
		for n := range 3 {
			var out bytes.Buffer
			w := vectors.New(&out, format, "a \"model\"\n")
			for range n {
				require.NoError(t, w.Add([]float32{math.MaxFloat32, -0.1}))
			}
			require.NoError(t, w.End(n))
			assert.True(t, json.Valid(out.Bytes()), out.String())
		}
	}
}

func TestNormalize(t *testing.T) {
	e := []float32{3, -4}
	require.NoError(t, vectors.Check(e))
	require.NoError(t, vectors.Normalize(e))
	assert.Equal(t, []float32{0.6, -0.8}, e)
	large := []float32{math.MaxFloat32, 0}
	require.NoError(t, vectors.Normalize(large))
	assert.Equal(t, []float32{1, 0}, large)
	zero := []float32{0, 0}
	require.NoError(t, vectors.Normalize(zero))
	assert.Equal(t, []float32{0, 0}, zero)
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		odd := []float32{1, float32(x)}
		assert.ErrorContains(t, vectors.Check(odd), "not finite")
		assert.ErrorContains(t, vectors.Normalize(odd), "not finite")
	}
}

func TestEmbeddingsThatCannotBeWritten(t *testing.T) {
	full := errors.New("no space left")
	r, out := io.Pipe()
	require.NoError(t, r.CloseWithError(full))
	for _, format := range []vectors.Format{vectors.JSON, vectors.Array, vectors.F32} {
		assert.ErrorIs(t, vectors.New(out, format, "").Add([]float32{1}), full)
	}
	assert.ErrorIs(t, vectors.New(out, vectors.JSON, "").End(0), full)
	assert.Error(t, vectors.New(io.Discard, vectors.Array, "").Add([]float32{float32(math.NaN())}))
}
