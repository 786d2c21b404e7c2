//go:build unix

package lineedit

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// quiet lets the terminal keep what is typed without showing it. Ctrl-C and Ctrl-Z are signals. A line may have any length, which it
// may not where the terminal itself edits lines.
func quiet(fd int, before *term.State) error {
	if err := term.Restore(fd, before); err != nil {
		return err
	}
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	t.Lflag &^= unix.ECHO | unix.ICANON
	t.Lflag |= unix.ISIG
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, setTermios, t)
}

// prepareOutput prepares a terminal for control sequences.
func prepareOutput(*os.File) {}

// resizes tells when the terminal's size changes.
func resizes() (changed <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}

// stopTime is how long the program waits for the signal that stops it.
const stopTime = 200 * time.Millisecond

// suspend stops the program, as Ctrl-Z does elsewhere, until the shell continues it.
func (e *Editor) suspend() error {
	if err := e.canvas.finish(e.view()); err != nil {
		return err
	}
	e.leave()
	if err := e.Close(); err != nil {
		return err
	}
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return err
	}
	select {
	case <-continued:
	case <-time.After(stopTime): // nothing stops a program that no shell has started
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.resize()
	e.canvas.begin()
	return nil
}
