package units_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/units"
)

func TestByteRate(t *testing.T) {
	assert.Equal(t, "2.00 GiB/s", units.ByteRate(2<<30))
	for _, n := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		assert.Equal(t, "-", units.ByteRate(float.Number(n)))
	}
}
