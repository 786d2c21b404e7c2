package v5_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/rwkv/v5"
)

func TestFormsOfVersion5AreToldApart(t *testing.T) {
	for name, tc := range map[string]struct {
		decay          []int64
		gate           bool
		perHead, gated bool
	}{
		"5.0":                              {[]int64{2, 1, 1}, false, true, false},
		"5.1":                              {[]int64{2}, true, true, true},
		"5.2":                              {[]int64{2, 64}, true, false, true},
		"5.2 whose gate has been left out": {[]int64{2, 64}, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			shapes := map[string][]int64{
				"emb.weight": {300, 128}, "blocks.0.ln1.weight": {128}, "blocks.0.att.key.weight": {128, 128}, "blocks.0.ffn.key.weight": {448, 128},
				"blocks.0.att.time_decay": tc.decay, "blocks.0.att.time_faaaa": tc.decay,
			}
			if tc.gate {
				shapes["blocks.0.att.gate.weight"] = []int64{128, 128}
			}
			c, err := v5.Arch().FromShapes(func(name string) ([]int64, bool) {
				shape, ok := shapes[name]
				return shape, ok
			})
			require.NoError(t, err)
			assert.Equal(t, 64, c.HeadSize)
			assert.Equal(t, tc.perHead, c.Own.(v5.Dims).PerHead)
			assert.Equal(t, tc.gated, c.Own.(v5.Dims).Gated)
		})
	}
}
