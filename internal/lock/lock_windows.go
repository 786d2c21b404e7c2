package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// place is the byte that is locked. It is beyond the end of any file, because others cannot read locked bytes.
const place = 1<<62 - 1

func try(f *os.File) (bool, error) {
	at := windows.Overlapped{Offset: place & 0xffffffff, OffsetHigh: place >> 32}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
