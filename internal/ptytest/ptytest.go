//go:build unix

// Package ptytest runs programs at a terminal for tests. The terminal is a pseudo-terminal of the system, and an emulator keeps its
// screen.
//
// Limits: the emulator does not break long rows when the terminal becomes narrower, as xterm does not.
package ptytest

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must come, on a slow machine that does other things too.
const patience = 2 * time.Minute

// Terminal is a program at a terminal.
type Terminal struct {
	t    testing.TB
	file *os.File
	cmd  *exec.Cmd

	mu     sync.Mutex
	screen *vt.Emulator
	raw    strings.Builder
	before int // bytes of raw when the last keys were sent
	done   chan struct{}
}

// Start runs a program with standard input, output and error at a terminal of its own. It adds to the environment.
func Start(t testing.TB, columns, rows int, env []string, program string, args ...string) *Terminal {
	t.Helper()
	s := &Terminal{t: t, screen: vt.NewEmulator(columns, rows), done: make(chan struct{}), cmd: exec.Command(program, args...)}
	s.cmd.Env = append(append(os.Environ(), "TERM=xterm-256color"), env...)
	file, err := pty.StartWithSize(s.cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)})
	require.NoError(t, err)
	s.file = file
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.file.Close()
		<-s.done
		if answers, ok := s.screen.InputPipe().(io.Closer); ok {
			_ = answers.Close() // which ends answer; the emulator's own Close does not lock
		}
	})
	go s.show()
	go s.answer()
	return s
}

// show draws what the program writes.
func (s *Terminal) show() {
	defer close(s.done)
	buf := make([]byte, 1<<16)
	for {
		n, err := s.file.Read(buf)
		s.mu.Lock()
		_, _ = s.screen.Write(buf[:n])
		s.raw.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return // EIO once the program has ended
		}
	}
}

// answer sends the terminal's answers to the program.
func (s *Terminal) answer() {
	buf := make([]byte, 256)
	for {
		n, err := s.screen.Read(buf)
		if _, writeErr := s.file.Write(buf[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

// Press sends keys, as the bytes that a terminal sends.
func (s *Terminal) Press(keys string) {
	s.t.Helper()
	s.mu.Lock()
	s.before = s.raw.Len()
	s.mu.Unlock()
	_, err := s.file.WriteString(keys)
	require.NoError(s.t, err)
}

// Paste sends a text with the brackets around it that a terminal adds.
func (s *Terminal) Paste(text string) { s.Press("\x1b[200~" + text + "\x1b[201~") }

// Resize changes the size of the terminal.
func (s *Terminal) Resize(columns, rows int) {
	s.t.Helper()
	s.mu.Lock()
	s.screen.Resize(columns, rows)
	s.mu.Unlock()
	require.NoError(s.t, pty.Setsize(s.file, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}))
}

// Screen returns the rows of the screen without blanks at their ends, and without empty rows at its end.
func (s *Terminal) Screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows()
}

func (s *Terminal) rows() string {
	rows := strings.Split(s.screen.String(), "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " \r")
	}
	return strings.TrimRight(strings.Join(rows, "\n"), "\n")
}

// Cursor returns the cursor's column and row, from 0.
func (s *Terminal) Cursor() (column, row int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.screen.CursorPosition()
	return at.X, at.Y
}

// Written returns all that the program has written.
func (s *Terminal) Written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

// Until waits for a condition.
func (s *Terminal) Until(what string, holds func() bool) {
	s.t.Helper()
	for begin := time.Now(); !holds(); {
		require.Less(s.t, time.Since(begin), patience, "%s: the screen is\n%s", what, s.Screen())
		select {
		case <-s.done:
			require.True(s.t, holds(), "%s: the program has ended, the screen is\n%s", what, s.Screen())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Shows waits until the program has written something after the last keys, and the screen ends with some rows. The last one is that
// of the cursor, or is above it. A screen that ended with these rows before the keys does not count.
func (s *Terminal) Shows(rows string) {
	s.t.Helper()
	s.Until("want rows "+rows, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.raw.Len() > s.before && strings.HasSuffix("\n"+s.rows(), "\n"+rows)
	})
}

// At waits until the cursor is in a column, from 0, of the last row that is not empty.
func (s *Terminal) At(column int) {
	s.t.Helper()
	s.Until("the cursor's column", func() bool { x, _ := s.Cursor(); return x == column })
}

// Has waits until the program has written a text.
func (s *Terminal) Has(text string) {
	s.t.Helper()
	s.Until("want "+text, func() bool { return strings.Contains(s.Written(), text) })
}

// ExitCode waits until the program ends.
func (s *Terminal) ExitCode() int {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(patience):
		require.Fail(s.t, "the program does not end", "%s", s.Screen())
	}
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// Process returns the program's process.
func (s *Terminal) Process() *os.Process { return s.cmd.Process }
