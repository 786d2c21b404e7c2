//go:build unix

package infile

import "golang.org/x/sys/unix"

// doNotWait opens a pipe even if nobody writes to it.
const doNotWait = unix.O_NONBLOCK
