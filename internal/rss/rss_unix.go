//go:build unix && !linux

package rss

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Peak returns the largest resident set of the process so far in bytes, including mapped files, or 0 if the system does not tell.
func Peak() int64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) << 10
}

// Reset reports false: these systems cannot begin a new peak.
func Reset() bool { return false }
