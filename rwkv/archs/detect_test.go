package archs_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
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
			arch, ok := archs.Detect(shapes)
			assert.True(t, ok)
			assert.Equal(t, "rwkv6", arch.Name)
		})
	}
}
