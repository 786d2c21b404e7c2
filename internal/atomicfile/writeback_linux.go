package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriteBack begins writing all that waits in memory, and does not wait for it. It is for speed alone, so that a
// file system without it is no error.
func startWriteBack(f *os.File) {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}
