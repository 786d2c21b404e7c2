//go:build unix

package infile

import (
	"os"

	"golang.org/x/sys/unix"
)

// doNotWait opens a pipe even if nobody writes to it.
const doNotWait = unix.O_NONBLOCK

// ready reports whether a pipe takes some bytes now. Writing atOnce bytes does not wait then, unless another program writes to the
// same pipe.
func ready(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	free := false
	err = conn.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(poll, 0)
		free = err == nil && n == 1 && poll[0].Revents == unix.POLLOUT
	})
	return err == nil && free
}
