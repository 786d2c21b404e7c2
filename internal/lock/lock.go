// Package lock tells whether a file is in use by a program that still runs. A lock is held through an open file and ends when
// that is closed, however the program ends.
//
// Limits: locks are advice among programs that use this package. Some file systems of networks have none.
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
