//go:build unix

package rss

import (
	"os"
	"runtime"
	"syscall"
)

// PeakOf returns the largest resident set of a program that has ended, in bytes, or 0 if the system does not tell.
func PeakOf(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) << 10
}
