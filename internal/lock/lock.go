// Package lock tells whether a running program uses a file. A lock belongs to an open file. It ends when the file is closed, however the
// program ends.
//
// Limits: locks work only among programs that use this package. Some network file systems have none.
package lock

import (
	"os"

	"github.com/gosling-rwkv/gosling/internal/infile"
)

// Try takes the lock of an open file and reports whether it got it: false without an error means that
// another holder has it. Where the file system has no locks it returns an error.
func Try(f *os.File) (bool, error) { return try(f) }

// Held reports whether a holder has the lock of the file at path. What cannot be looked at counts as held.
func Held(path string) bool {
	f, err := infile.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	free, err := try(f)
	return err != nil || !free
}
