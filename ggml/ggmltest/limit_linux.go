package ggmltest

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// LimitMemory limits the growth of the process's address space to more bytes, from now on. If the limit has no effect, as under qemu, it
// skips the test.
func LimitMemory(t *testing.T, more uint64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	var pages uint64
	_, err = fmt.Sscan(string(b), &pages)
	require.NoError(t, err)
	limit := pages*uint64(os.Getpagesize()) + more
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}))
	var set unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &set); err != nil || set.Cur != limit {
		t.Skip("address space is not limited here")
	}
}
