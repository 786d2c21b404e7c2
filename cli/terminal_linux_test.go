package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gosling-rwkv/gosling/internal/synth"
)

// terminal is a program in a pseudo-terminal.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	seen   bytes.Buffer
	output chan []byte
}

// startAtTerminal starts the program with standard input, output and error on a terminal of its own.
func startAtTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100}))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	defer slave.Close()
	cmd := exec.Command("gosling", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	term := &terminal{t: t, master: master, cmd: cmd, output: make(chan []byte)}
	go func() {
		defer close(term.output)
		for {
			buf := make([]byte, 4096)
			n, err := master.Read(buf)
			if n > 0 {
				term.output <- buf[:n]
			}
			if err != nil {
				return // EIO once the program has ended
			}
		}
	}()
	return term
}

// wait reads until the program has written text. It returns what came before the text and keeps what came after.
func (s *terminal) wait(text string) string {
	s.t.Helper()
	deadline := time.After(time.Minute)
	for !strings.Contains(s.seen.String(), text) {
		select {
		case data, ok := <-s.output:
			require.True(s.t, ok, "the program ended before it wrote %q, after\n%s", text, s.seen.String())
			s.seen.Write(data)
		case <-deadline:
			require.Fail(s.t, "no sign of it", "%q in\n%s", text, s.seen.String())
		}
	}
	before, after, _ := strings.Cut(s.seen.String(), text)
	s.seen.Reset()
	s.seen.WriteString(after)
	return before
}

func (s *terminal) press(keys string) {
	s.t.Helper()
	_, err := s.master.WriteString(keys)
	require.NoError(s.t, err)
}

// exitCode waits until the program ends.
func (s *terminal) exitCode() int {
	s.t.Helper()
	hung := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() })
	defer hung.Stop()
	for data := range s.output {
		s.seen.Write(data)
	}
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// prompt is what the line editor prints when it waits for keys.
const prompt = "\x1b[?2004h> "

func ttyModel(t *testing.T, c synth.Config) string {
	t.Helper()
	needGGML(t)
	dir := t.TempDir()
	writeModel(t, filepath.Join(dir, "model.pth"), c)
	model := filepath.Join(dir, "model.gguf")
	out, err := exec.Command("gosling", "convert", filepath.Join(dir, "model.pth"), model).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return model
}

func TestChatAtATerminal(t *testing.T) {
	s := startAtTerminal(t, "chat", ttyModel(t, tinyModel()), "--temp", "0", "-n", "4")
	s.wait("Talk to the model")
	s.wait(prompt)
	s.press("think fast\x01/\r") // moves to the start of the line for the slash
	s.wait("thinking is fast")
	s.wait(prompt)
	s.press("/nonsense\x03/think on\r") // Ctrl-C clears the line
	s.wait("thinking is on")
	s.wait(prompt)
	s.press("\x1b[A\x1b[A\r") // two lines back
	s.wait("thinking is fast")
	s.wait(prompt)
	s.press("/frobnicate\r")
	s.wait("unknown command /frobnicate")
	s.wait(prompt)
	s.press("\x03") // leaves on an empty line
	assert.Equal(t, 0, s.exitCode())
	assert.NotContains(t, s.seen.String(), "unknown command")
}

func TestCtrlCStopsAnAnswerOnly(t *testing.T) {
	c := tinyModel()
	c.Vocab = 1 << 16 // so that the token that ends the text is unlikely
	s := startAtTerminal(t, "chat", ttyModel(t, c), "--seed", "1", "-n", "-1", "--stop", "")
	s.wait(prompt)
	s.press("Tell me everything.\r")
	for range 10 { // until the answer has begun
		s.seen.Write(<-s.output)
	}
	s.press("\x03")
	s.wait("^C")
	s.wait(prompt)
	s.press("/save " + filepath.Join(t.TempDir(), "goose.state") + "\r")
	s.wait("saved to ")
	s.wait(prompt)
	s.press("\x04")
	assert.Equal(t, 0, s.exitCode())
}

func TestProgressAtATerminal(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model.pth")
	writeModel(t, model, tinyModel())
	s := startAtTerminal(t, "convert", model)
	assert.Equal(t, 0, s.exitCode())
	assert.Contains(t, s.seen.String(), "converting")
	assert.Contains(t, s.seen.String(), "2 layers of 64 channels")
}

func TestGeneratedTextDoesNotCommandATerminal(t *testing.T) {
	model := ttyModel(t, tinyModel())
	ids, err := exec.Command("gosling", "tokenize", "--ids", model, "a \x1b[31mred\u009b1m\x1b]0;title\a goose\t\n").Output()
	require.NoError(t, err)
	arguments := append([]string{"detokenize", model}, strings.Fields(string(ids))...)
	piped, err := exec.Command("gosling", arguments...).Output()
	require.NoError(t, err)
	assert.Equal(t, "a \x1b[31mred\u009b1m\x1b]0;title\a goose\t\n", string(piped))
	s := startAtTerminal(t, arguments...)
	assert.Equal(t, 0, s.exitCode())
	assert.Equal(t, "a red goose\t\r\n", s.seen.String())
}
