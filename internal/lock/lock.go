// Package lock tells whether a running program uses a file. A lock belongs to an open file. It ends when the file is closed, even
// if the program is killed.
//
// Limits: locks only work among programs that use this package. Some network file systems have none.
package lock

import (
	"os"

	"github.com/gosling-rwkv/gosling/internal/infile"
)

// Try takes the lock of an open file. It reports false without an error if another holder has it. If the file system has no
// locks, it returns an error.
func Try(f *os.File) (bool, error) { return try(f) }

// Held reports whether someone holds the lock of the file at path. A file that cannot be opened or locked counts as held.
func Held(path string) bool {
	f, err := infile.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	free, err := try(f)
	return err != nil || !free
}
