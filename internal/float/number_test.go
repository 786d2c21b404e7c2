package float_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/float"
)

func TestNumbersThatJSONLacksAreNull(t *testing.T) {
	type report struct {
		Speed   float.Number   `json:"speed"`
		Samples []float.Number `json:"samples"`
		Left    float.Number   `json:"left,omitempty"`
	}
	inf := float.Number(math.Inf(1))
	data, err := json.Marshal(report{Speed: inf, Samples: []float.Number{1.5, -inf, float.Number(math.NaN()), 1e-9}})
	require.NoError(t, err)
	assert.Equal(t, `{"speed":null,"samples":[1.5,null,null,1e-9]}`, string(data))

	back := report{Speed: 7}
	require.NoError(t, json.Unmarshal(data, &back))
	assert.True(t, math.IsNaN(float64(back.Speed)), "null does not leave what was there")
	assert.InDelta(t, 1.5, float64(back.Samples[0]), 0)
	assert.False(t, back.Samples[1].Finite())
	assert.False(t, back.Samples[2].Finite())
	assert.True(t, back.Samples[3].Finite())
	assert.Error(t, json.Unmarshal([]byte(`{"speed":"fast"}`), &back))
}
