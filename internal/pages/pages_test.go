package pages_test

import (
	"bytes"
	"math"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/pages"
)

func TestAlloc(t *testing.T) {
	for _, n := range []int64{1, 100, 4096, 1 << 20, 2 << 20, 2<<20 + 1, 9<<20 + 12345} {
		m, err := pages.Alloc(n)
		require.NoError(t, err)
		b := m.Bytes()
		require.Len(t, b, int(n))
		if n >= 2<<20 {
			require.Zero(t, uintptr(unsafe.Pointer(&b[0]))%(2<<20))
		}
		require.Equal(t, len(b), bytes.Count(b, []byte{0}))
		copy(b, bytes.Repeat([]byte{1}, len(b))) // all of it can be written to
		m.Free()
		m.Free()
		require.Nil(t, m.Bytes())
	}
}

func TestAllocRefuses(t *testing.T) {
	for _, n := range []int64{0, -1, 1 << 60, math.MaxInt64} {
		_, err := pages.Alloc(n)
		require.Error(t, err)
	}
}
