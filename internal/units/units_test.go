package units_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/units"
)

func Example() {
	fmt.Println(units.Bytes(3<<29), "and", units.Count(1, "warning"))
	// Output: 1.50 GiB and 1 warning
}

func TestSizesAndCounts(t *testing.T) {
	for want, n := range map[string]int64{"0 B": 0, "1023 B": 1023, "1.0 KiB": 1024, "1.5 MiB": 3 << 19, "1024.0 MiB": 1<<30 - 1, "1.00 GiB": 1 << 30} {
		assert.Equal(t, want, units.Bytes(n))
	}
	for want, n := range map[string]int{"no threads": 0, "1 thread": 1, "2 threads": 2} {
		assert.Equal(t, want, units.Count(n, "thread"))
	}
}
