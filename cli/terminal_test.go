//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/ptytest"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

// startAtTerminal starts the program at a terminal of its own, with a new home.
func startAtTerminal(t *testing.T, args ...string) *ptytest.Terminal {
	t.Helper()
	return startSized(t, 100, 24, nil, args...)
}

func startSized(t *testing.T, columns, rows int, env []string, args ...string) *ptytest.Terminal {
	t.Helper()
	if testing.Short() {
		t.Skip("draws many screens; the race tests of internal/lineedit and dialog look at the same code")
	}
	env = append([]string{"XDG_STATE_HOME=" + t.TempDir()}, env...)
	return ptytest.Start(t, columns, rows, env, "gosling", args...)
}

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

// startDemo starts a conversation with the built-in model, and waits for its prompt.
func startDemo(t *testing.T, columns, rows int, env ...string) *ptytest.Terminal {
	t.Helper()
	needGGML(t)
	s := startSized(t, columns, rows, env, "chat", "demo", "--temp", "0", "-t", "1", "-v", "-n", "3")
	s.Shows(">")
	return s
}

func TestChineseIsDeletedWholeInAChat(t *testing.T) {
	s := startDemo(t, 60, 20)
	s.Press("你好世界")
	for _, left := range []string{"你好世界", "你好世", "你好", "你"} {
		s.Shows("> " + left)
		s.At(2 + 2*len([]rune(left)))
		s.Press("\x7f")
	}
	s.At(2)
	s.Shows(">")
	s.Press("ok")
	s.Shows("> ok")
}

func TestATypedMessageOfAnyLengthIsRead(t *testing.T) {
	s := startDemo(t, 70, 20)
	s.Press(strings.Repeat("word ", 1200) + "END")
	s.Until("the end", func() bool { return strings.HasSuffix(s.Screen(), "word END") })
	s.Press("\r")
	s.Has(" 6021 tokens")
}

func TestHomeAndEndInAChat(t *testing.T) {
	s := startDemo(t, 70, 20, "TERM=screen")
	s.Press("bye\x1b[1~/\x1b[4~ now\x1b[1;5D\x1bbX")
	s.Shows("> /Xbye now")
	s.Press("\x7f\x1b[4~\r")
	assert.Equal(t, 0, s.ExitCode())
}

func TestAPasteThatWasCancelledIsNotSent(t *testing.T) {
	s := startDemo(t, 70, 20)
	s.Paste("Sort the words: pear apple fig\nAnd then")
	s.Shows("> Sort the words: pear apple fig\n  And then")
	s.Press("\x03")
	s.Shows(">")
	s.Press("What is 17 + 25?\r")
	s.Has("ended by")
	assert.Regexp(t, `prefill .* 34 tokens`, s.Written(), "the question alone")
	assert.NotContains(t, s.Screen(), "And then")
}

func TestAMessageIsShownOnceAfterAResize(t *testing.T) {
	s := startDemo(t, 70, 20)
	s.Press(strings.Repeat("abcd ", 8))
	s.At(42)
	s.Resize(30, 20)
	s.Press("more\x01")
	s.At(2)
	s.Until("the message", func() bool {
		return strings.HasSuffix(s.Screen(), "\n> abcd abcd abcd abcd abcd abc\nd abcd abcd more")
	})
	assert.Equal(t, 1, strings.Count(s.Screen(), "> abcd"))
}

func TestChatAtATerminal(t *testing.T) {
	s := startAtTerminal(t, "chat", ttyModel(t, tinyModel()), "--temp", "0", "-n", "4")
	s.Shows(">")
	s.Press("think fast\x01/\r") // moves to the start of the line for the slash
	s.Shows("thinking is fast\n>")
	s.Press("/nonsense\x03/think on\r") // Ctrl-C clears the line
	s.Shows("thinking is on\n>")
	s.Press("\x1b[A\x1b[A\r") // two messages back
	s.Shows("thinking is fast\n>")
	s.Press("/frobnicate\r")
	s.Until("an error and a prompt", func() bool {
		screen := s.Screen()
		return strings.Contains(screen, "unknown command /frobnicate") && strings.HasSuffix(screen, "\n>")
	})
	s.Press("\x03") // on an empty line
	s.Shows("Ctrl-C again, Ctrl-D or /bye leaves.\n>")
	s.Press("\x03")
	assert.Equal(t, 0, s.ExitCode())
	assert.NotContains(t, s.Screen(), "unknown command /nonsense")
}

func TestTheTerminalIsReadyForEveryMessage(t *testing.T) {
	s := startDemo(t, 80, 24)
	want := ">"
	for range 5 {
		s.Press("/think")
		s.Shows("> /think")
		s.Press("\r")
		want = "> /think\nthinking is off\n" + want
		s.Shows(want)
	}
}

// answers waits until the program has written more than it takes to show a message that was just typed.
func answers(s *ptytest.Terminal) {
	before := len(s.Written())
	s.Until("some of the answer", func() bool { return len(s.Written()) > before+1000 })
}

func TestCtrlCStopsAnAnswerOnly(t *testing.T) {
	c := tinyModel()
	c.Vocab = 1 << 16 // so that the token that ends the text is unlikely
	s := startAtTerminal(t, "chat", ttyModel(t, c), "--seed", "1", "-n", "-1", "--stop", "")
	s.Shows(">")
	s.Press("Tell me everything.\r")
	answers(s)
	s.Press("\x03")
	s.Shows(">")
	s.Press("/save " + filepath.Join(t.TempDir(), "goose.state") + "\r")
	s.Has("saved to ")
	s.Shows(">")
	s.Press("\x04")
	assert.Equal(t, 0, s.ExitCode())
}

func TestTypingWhileTheModelAnswersLosesNothing(t *testing.T) {
	c := tinyModel()
	c.Vocab = 1 << 16
	s := startAtTerminal(t, "chat", ttyModel(t, c), "--seed", "1", "-n", "1500", "--stop", "")
	s.Shows(">")
	s.Press("Tell me everything.\r")
	answers(s)
	s.Press("/think\r" + strings.Repeat("goose ", 20))
	s.Shows("thinking is off\n> " + strings.Repeat("goose ", 16) + "go\nose goose goose goose")
}

// TestAConversationThatWasKilledGoesOn kills the program while it answers.
func TestAConversationThatWasKilledGoesOn(t *testing.T) {
	needGGML(t)
	c := tinyModel()
	c.Vocab = 1 << 16
	model, home := ttyModel(t, c), "XDG_STATE_HOME="+t.TempDir()
	s := startSized(t, 80, 24, []string{home}, "chat", model, "--seed", "1", "-n", "20", "--stop", "")
	s.Shows(">")
	s.Press("First.\r")
	s.Has("cut at the limit")
	s.Shows(">")
	s.Press("/set n-predict -1\r")
	s.Shows("n-predict is -1\n>")
	s.Press("Second.\r")
	answers(s)
	require.NoError(t, s.Process().Kill())
	s.ExitCode()

	s = startSized(t, 80, 24, []string{home}, "chat", "--resume", "-n", "20", "--stop", "")
	s.Shows("note: the last message was not answered: Second.\n> Second.")
	assert.Contains(t, s.Screen(), "going on after 1 turn\n")
	s.Press("\x15/show\r")
	s.Has("User: First.")
	s.Shows(">")
	s.Press("/bye\r")
	assert.Equal(t, 0, s.ExitCode())
	assert.Contains(t, s.Screen(), "Saved: gosling chat --resume goes on.")
}

func TestRunWaitsForAPromptAtATerminal(t *testing.T) {
	model := ttyModel(t, tinyModel())
	s := startAtTerminal(t, "run", model, "--temp", "0", "-n", "5")
	s.Shows("Type a prompt and press Enter. Ctrl-D leaves. For a conversation: gosling chat\n>")
	s.Press("one\x1b\rtwo\r")
	assert.Equal(t, 0, s.ExitCode())
	assert.Contains(t, s.Screen(), "note: the text was cut at the limit of 5 tokens: -n -1 is without a limit")
	s = startAtTerminal(t, "run", model)
	s.Shows(">")
	s.Press("\x04")
	assert.Equal(t, 130, s.ExitCode())
}

func TestMessagesAreKeptForTheNextRun(t *testing.T) {
	needGGML(t)
	folder := t.TempDir()
	home := []string{"XDG_STATE_HOME=" + folder}
	for _, tc := range []struct{ flag, typed, want string }{
		{"--no-history", "/think\r", ""},
		{"--no-save", "/show system\r", "/show system"},
	} {
		s := startSized(t, 80, 24, home, "chat", "demo", tc.flag)
		s.Shows(">")
		s.Press(tc.typed + "/bye\r")
		assert.Equal(t, 0, s.ExitCode())
		s = startSized(t, 80, 24, home, "chat", "demo")
		s.Shows(">")
		s.Press("\x1b[A\x1b[A!")
		s.Shows("> " + tc.want + "!")
		s.Press("\x03\x04")
		assert.Equal(t, 0, s.ExitCode())
	}
	info, err := os.Stat(filepath.Join(folder, "gosling", "history"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestTheLastMessageIsEdited(t *testing.T) {
	s := startDemo(t, 80, 24)
	s.Press("Sort the words: pear apple\r")
	s.Has("ended by")
	s.Shows(">")
	s.Press("/edit\r")
	s.Shows("> /edit Sort the words: pear apple")
	s.Press(" fig\r")
	s.Shows(">")
	s.Press("/show\r")
	s.Has("User: Sort the words: pear apple fig")
	assert.NotContains(t, s.Written(), "pear apple\r\n\r\nAssistant")
}

func TestProgressAtATerminal(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model.pth")
	writeModel(t, model, tinyModel())
	s := startAtTerminal(t, "convert", model)
	assert.Equal(t, 0, s.ExitCode())
	assert.Contains(t, s.Written(), "converting")
	assert.Contains(t, s.Written(), "2 layers of 64 channels")
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
	assert.Equal(t, 0, s.ExitCode())
	assert.Equal(t, "a red goose\t\r\n", s.Written())
}
