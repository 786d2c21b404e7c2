package v6_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v4"
	"github.com/gosling-rwkv/gosling/rwkv/v5"
	"github.com/gosling-rwkv/gosling/rwkv/v6"
)

func TestAPartOfACheckpointIsStillOfItsVersion(t *testing.T) {
	whole := []string{
		"blocks.0.att.time_maa_x", "blocks.0.att.time_maa_w1", "blocks.0.att.time_decay", "blocks.0.att.time_decay_w1",
		"blocks.0.att.ln_x.weight", "blocks.0.att.gate.weight",
	}
	for _, missing := range append(whole, "nothing") {
		t.Run("without "+missing, func(t *testing.T) {
			var shapes rwkv.Shapes = func(name string) ([]int64, bool) {
				return []int64{64}, name != missing && slices.Contains(whole, name)
			}
			assert.True(t, v6.Arch().Detect(shapes))
			assert.False(t, v5.Arch().Detect(shapes))
			assert.False(t, v4.Arch().Detect(shapes))
		})
	}
}
