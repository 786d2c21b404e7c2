package units_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/units"
)

func TestNumbersThatMayBeUnknown(t *testing.T) {
	assert.Equal(t, "1.50", units.Number("%.2f", 1.5))
	assert.Equal(t, "2.00 GiB/s", units.ByteRate(float.Number(2<<30)))
	for _, n := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		assert.Equal(t, "-", units.Number("%.2f", n))
		assert.Equal(t, "-", units.ByteRate(float.Number(n)))
		assert.Empty(t, units.Cell(n))
		assert.Empty(t, units.Cell(float.Number(n)))
	}
}

func TestCell(t *testing.T) {
	for want, value := range map[string]any{
		"1.5": 1.5, "-2": float.Number(-2), "3": 3, "true": true, "": "", "goose": "goose", "a=b": "a=b",
		"'=SUM(A1)": "=SUM(A1)", "'+1": "+1", "'-1": "-1", "'@x": "@x", "'\tx": "\tx", "'\nx": "\nx",
	} {
		assert.Equal(t, want, units.Cell(value))
	}
}
