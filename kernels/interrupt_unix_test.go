//go:build unix

package kernels_test

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// interrupt sends the process the signal that interrupts goroutines, to whatever thread.
func interrupt(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Microsecond):
			_ = unix.Kill(os.Getpid(), unix.SIGURG)
		}
	}
}
