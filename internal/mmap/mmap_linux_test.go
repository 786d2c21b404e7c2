package mmap

import (
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// resident counts the bytes of a mapping that this process has in its page tables.
func resident(t *testing.T, b []byte) int {
	page := os.Getpagesize()
	entries := make([]byte, 8*((len(b)+page-1)/page))
	f, err := os.Open("/proc/self/pagemap")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.ReadAt(entries, 8*int64(uintptr(unsafe.Pointer(&b[0]))/uintptr(page)))
	require.NoError(t, err)
	n := 0
	for i := 7; i < len(entries); i += 8 {
		n += int(entries[i]>>7) * page
	}
	return n
}

func TestDontNeedTakesPagesFromTheProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/pagemap"); err != nil {
		t.Skip(err)
	}
	page := os.Getpagesize()
	m, err := Open(save(t, make([]byte, 64*page)))
	require.NoError(t, err)
	defer m.Close()
	require.NoError(t, unix.Madvise(m.Bytes(), unix.MADV_POPULATE_READ))
	require.Equal(t, 64*page, resident(t, m.Bytes()))
	m.DontNeed(int64(16*page)+1, int64(16*page))
	require.Equal(t, 64*page-17*page, resident(t, m.Bytes()))
}
