//go:build unix

package kernels

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gosling-rwkv/gosling/gguf"
)

// guarded is memory of n bytes that pages without access follow, or that follows such pages.
func guarded(t *testing.T, n int64, atEnd bool) []byte {
	page := int64(os.Getpagesize())
	size := (n + page - 1) / page * page
	b, err := unix.Mmap(-1, 0, int(size+2*page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Munmap(b) })
	require.NoError(t, unix.Mprotect(b[:page], unix.PROT_NONE))
	require.NoError(t, unix.Mprotect(b[page+size:], unix.PROT_NONE))
	if atEnd {
		return b[page+size-n : page+size]
	}
	return b[page : page+n]
}

// Kernels touch nothing before or after their operands.
func TestKernelsStayInsideTheirOperands(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	eachKernel(t, func(t *testing.T, level Level, typ gguf.Type) {
		for _, in := range lengths(typ) {
			for _, out := range []int64{1, 8, 13, 16, 33} {
				for _, atEnd := range []bool{true, false} {
					m := packed(t, level, typ, in, out)
					data := guarded(t, int64(len(m.data)), atEnd)
					copy(data, m.data)
					m.data = data
					for _, columns := range []int64{1, 2, 3, 4, 7, 8, 24, 31} {
						floats, y := guarded(t, 4*in*columns, atEnd), guarded(t, 4*out*columns, atEnd)
						calls := NewCalls(1)
						from := address(floats)
						if n := m.ColumnBytes(); n > 0 {
							rounded := guarded(t, n*columns, atEnd)
							r, err := calls.Rounding(m, columns)
							require.NoError(t, err)
							require.NoError(t, r.Place(address(rounded), from))
							r.run(0)
							from = address(rounded)
						}
						p, err := calls.Product(m, columns)
						require.NoError(t, err)
						require.NoError(t, p.Place(address(y), from))
						p.run(0)
						calls.Close()
					}
				}
			}
		}
	})
}
