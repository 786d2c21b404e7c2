package units_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/units"
)

func TestGrouped(t *testing.T) {
	for want, n := range map[string]int64{"0": 0, "999": 999, "1,000": 1000, "12,345,678": 12345678, "-123": -123, "-1,234": -1234} {
		assert.Equal(t, want, units.Grouped(n))
	}
}
