package lineedit

import (
	"os"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

// quiet restores the console: it keeps what is typed by itself.
func quiet(fd int, before *term.State) error { return term.Restore(fd, before) }

// prepareOutput lets the console obey control sequences.
func prepareOutput(out *os.File) {
	var mode uint32
	handle := windows.Handle(out.Fd())
	if windows.GetConsoleMode(handle, &mode) == nil {
		_ = windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
	}
}

// resizes never tells of a change: Windows has no such signal. The next message gets the new size.
func resizes() (changed <-chan os.Signal, stop func()) { return nil, func() {} }

// suspend does nothing: Windows cannot stop a program.
func (e *Editor) suspend() error { return nil }
