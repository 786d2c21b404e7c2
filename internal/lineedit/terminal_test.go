//go:build unix

package lineedit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/lineedit"
	"github.com/gosling-rwkv/gosling/internal/ptytest"
)

// TestMain runs the program of the tests if HISTORY is set: it shows each message that it reads.
func TestMain(m *testing.M) {
	path, ok := os.LookupEnv("LINEEDIT_HISTORY")
	if !ok {
		os.Exit(m.Run())
	}
	if err := show(path); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func show(path string) error {
	history, err := lineedit.OpenHistory(path)
	if err != nil {
		return err
	}
	e, err := lineedit.New(lineedit.Options{
		In: os.Stdin, Out: os.Stdout, Prompt: "> ", More: "  ", Terminal: os.Getenv("TERM"), Reflows: lineedit.Reflows(), History: history,
		Complete: func(text string) []string {
			var found []string
			for _, command := range []string{"/retry ", "/read ", "/save "} {
				if strings.HasPrefix(command, text) && text != "" {
					found = append(found, command)
				}
			}
			return found
		},
	})
	if err != nil {
		return err
	}
	defer e.Close()
	for begin := ""; ; begin = "" {
		text, err := e.Read(context.Background(), begin)
		switch {
		case errors.Is(err, lineedit.ErrInterrupted):
			fmt.Println("interrupted")
			continue
		case errors.Is(err, io.EOF):
			fmt.Println("end")
			return nil
		case err != nil:
			return err
		}
		if err := history.Add(text); err != nil {
			return err
		}
		if len(text) > 200 {
			fmt.Println("length", len(text))
		} else {
			fmt.Println("got", strconv.Quote(text))
		}
	}
}

// start runs that program.
func start(t *testing.T, columns, rows int, env ...string) *ptytest.Terminal {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	s := ptytest.Start(t, columns, rows, append([]string{"LINEEDIT_HISTORY=" + filepath.Join(t.TempDir(), "history")}, env...), self)
	s.Shows(">")
	return s
}

const backspace = "\x7f"

func TestClustersAreDeletedWhole(t *testing.T) {
	for name, tc := range map[string]struct {
		typed   string
		columns []int // the cursor's after each backspace
	}{
		"Chinese":        {"你好世界", []int{8, 6, 4, 2}},
		"accents":        {"e\u0301a\u0308\u0323x", []int{4, 3, 2}},
		"emoji":          {"👍🏽👩\u200d👩\u200d👧\u200d👦🇨🇭☕", []int{8, 6, 4, 2}},
		"Hebrew":         {"שָׁלוֹם", []int{5, 4, 3, 2}},
		"Hangul letters": {"\u1112\u1161\u11ab글", []int{4, 2}},
		"Devanagari":     {"नि", []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, 60, 20)
			s.Press(tc.typed)
			s.Shows("> " + tc.typed)
			for _, column := range tc.columns {
				s.Press(backspace)
				s.At(column)
			}
			s.Shows(">")
			s.Press("ok\r")
			s.Shows("> ok\ngot \"ok\"\n>")
		})
	}
}

func TestWideCharactersWrap(t *testing.T) {
	s := start(t, 60, 20)
	s.Press(strings.Repeat("中", 34))
	s.Shows("> " + strings.Repeat("中", 29) + "\n" + strings.Repeat("中", 5))
	s.Press("\x1b[D文")
	s.Shows("> " + strings.Repeat("中", 29) + "\n" + strings.Repeat("中", 4) + "文中")
	s.At(10)
	s.Press("\x15")
	s.Shows("> 中")
	s.At(2)
	s.Press("\x0b\r")
	s.Shows(">\ngot \"\"\n>")
	s = start(t, 61, 20) // a column is left over
	s.Press(strings.Repeat("中", 31))
	s.Shows("> " + strings.Repeat("中", 29) + "\n" + "中中")
	s.Press(strings.Repeat(backspace, 2))
	s.Shows("> " + strings.Repeat("中", 29))
	s.At(60)
	s.Press("x")
	s.Shows("> " + strings.Repeat("中", 29) + "x")
	s.At(0) // the row is full
	s.Press("y" + backspace + backspace)
	s.At(60)
	s.Press("\r")
	s.Has("got \"" + strings.Repeat("中", 29) + "\"")
}

func TestLongLinesArriveWhole(t *testing.T) {
	text := strings.Repeat("word ", 1200) + "END"
	for name, env := range map[string]string{"a terminal with a screen": "TERM=screen", "a terminal without": "TERM=dumb"} {
		t.Run(name, func(t *testing.T) {
			s := start(t, 70, 20, env)
			s.Press(text)
			s.Until("the end", func() bool { return strings.HasSuffix(s.Screen(), "word END") })
			s.Press("\r")
			s.Shows("length 6003\n>")
			assert.Less(t, len(s.Written()), 1<<20, "what is written must not grow with the square of the length")
		})
	}
}

func TestALongTextIsEditedInAWindow(t *testing.T) {
	s := start(t, 20, 5)
	s.Press(strings.Repeat("0123456789", 20) + "\x01")
	s.Until("its beginning, with the cursor", func() bool {
		_, row := s.Cursor()
		return row == 0 && strings.HasPrefix(s.Screen(), "> 012345678901234567\n")
	})
	s.Press("A\x05Z\r")
	s.Has("length 202")
}

func TestKeysOfEveryTerminal(t *testing.T) {
	for name, tc := range map[string]struct{ keys, want string }{
		"Home and End of tmux":     {"b\x1b[1~a\x1b[4~c", "abc"},
		"Home and End of xterm":    {"b\x1b[Ha\x1b[Fc", "abc"},
		"Home and End of rxvt":     {"b\x1b[7~a\x1b[8~c", "abc"},
		"Home and End, keypad":     {"b\x1bOHa\x1bOFc", "abc"},
		"Ctrl-A and Ctrl-E":        {"b\x01a\x05c", "abc"},
		"arrows":                   {"ac\x1b[Db\x1b[C\x1b[CD\x1bOD\x1bOD!", "ab!cD"},
		"Ctrl-Left and Ctrl-Right": {"one two three\x1b[1;5D\x1b[1;5DA\x1b[1;5CB", "one AtwoB three"},
		"Alt-B and Alt-F":          {"one two three\x1bb\x1bbA\x1bfB", "one AtwoB three"},
		"Alt-arrows":               {"one two\x1b[1;3D1\x1b[1;3C2", "one 1two2"},
		"words of Chinese":         {"你好 世界\x1bb1\x1bb\x1bb2", "2你好 1世界"},
		"Delete and Ctrl-D":        {"abc\x01\x1b[3~\x04", "c"},
		"Ctrl-W":                   {"one two-three\x17x", "one x"},
		"Alt-Backspace":            {"one two-three\x1b\x7fx", "one two-x"},
		"Alt-D":                    {"one two\x01\x1bd", " two"},
		"Ctrl-K and Ctrl-Y":        {"one two\x01\x1bf\x0b\x01\x19", " twoone"},
		"Ctrl-T":                   {"ab\x14文字\x14", "ba字文"},
		"Alt-U, Alt-L and Alt-C":   {"one TWO three\x01\x1bu\x1bl\x1bc", "ONE two Three"},
		"undo":                     {"one\x17two\x1f\x1f", "one"},
		"Shift-Enter of xterm":     {"a\x1b[27;2;13~b", "a\nb"},
		"Shift-Enter of kitty":     {"a\x1b[13;2ub", "a\nb"},
		"Alt-Enter":                {"a\x1b\rb", "a\nb"},
		"keys without a meaning":   {"a\x1b[15~\x1b[1;9Z\x1bOP\x1b[[Ab\x00", "ab"},
		"answers of the terminal":  {"a\x1b[3;4R\x1b[?1;2c\x1b]11;rgb:0/0/0\x07\x1bP>|x\x1b\\b", "ab"},
		"a tab":                    {"a\tb", "a\tb"},
		"a word that is completed": {"/sa\tx", "/save x"},
		"commands in common":       {"/r\t\tx", "/rex"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, 70, 20, "TERM=screen-256color")
			s.Press(tc.keys + "\r")
			s.Has("got " + strconv.Quote(tc.want) + "\r\n")
		})
	}
}

func TestAnEscapeKeyAloneIsNotTheStartOfTheNext(t *testing.T) {
	s := start(t, 70, 20)
	s.Press("ab\x1b")
	s.Shows("> ab")
	s.Until("time", waiting())
	s.Press("b\r")
	s.Shows("> abb\ngot \"abb\"\n>")
}

// waiting is a condition that holds after a number of calls, which take longer than any sequence on a busy machine.
func waiting() func() bool {
	n := 0
	return func() bool { n++; return n > 200 }
}

func TestCtrlCDiscardsTheWholeMessage(t *testing.T) {
	s := start(t, 70, 20)
	s.Paste("Sort the words: pear apple fig\nAnd then")
	s.Shows("> Sort the words: pear apple fig\n  And then")
	s.Press("\x03")
	s.Shows(">")
	s.Press("What is 17 + 25?\r")
	s.Shows("> What is 17 + 25?\ngot \"What is 17 + 25?\"\n>")
	s.Press("half\x1b[A")
	s.Shows("> What is 17 + 25?")
	s.Press("\x03")
	s.Shows("got \"What is 17 + 25?\"\n>")
	s.Press("\x19") // what was discarded can be brought back
	s.Shows("> What is 17 + 25?")
	s.Press("\r")
	s.Shows("> What is 17 + 25?\ngot \"What is 17 + 25?\"\n>")
	s.Press("\x03")
	s.Shows("interrupted\n>")
	s.Press("\x04")
	assert.Equal(t, 0, s.ExitCode())
}

func TestAPasteIsOneMessageAndOneEntry(t *testing.T) {
	s := start(t, 70, 20)
	s.Paste("one\r\ntwo\rthree\n")
	s.Shows("> one\n  two\n  three")
	s.Press("\r")
	s.Shows("got \"one\\ntwo\\nthree\\n\"\n>")
	s.Press("other\r")
	s.Shows("got \"other\"\n>")
	s.Press("\x1b[A\x1b[A\r")
	s.Shows("> one\n  two\n  three\n\ngot \"one\\ntwo\\nthree\\n\"\n>")
	s.Press("\x1b[200~" + strings.Repeat("字", 3000)) // in several pieces
	s.Press(strings.Repeat("\x1b[31m", 2) + "\x1b[201~\r")
	s.Shows("length 9010\n>")
}

func TestAPasteThatTheTerminalDoesNotEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := start(t, 70, 20)
	s.Press("\x1b[200~lost?")
	s.Shows("> lost?")
	s.Press("\r")
	s.Has(`got "lost?"`)
}

func TestSeveralLines(t *testing.T) {
	for name, tc := range map[string]struct{ keys, want string }{
		"a backslash":                   {"one\\\rtwo\r", "one\ntwo"},
		"quotation marks":               {"\"\"\"\rone\r\rtwo\r\"\"\"\r", "one\n\ntwo"},
		"quotation marks, on one line":  {"\"\"\"one\"\"\"\r", "one"},
		"quotation marks and a command": {"/system \"\"\"one\rtwo\"\"\"\r", "/system one\ntwo"},
		"up and down":                   {"first\\\rsecond\x1b[A!\x1b[B?\r", "first!\nsecond?"},
		"the ends of a line":            {"one\\\rtwo\x01a\x05b\x1b[A\x01c\x05d\r", "coned\natwob"},
		"joining lines":                 {"one\\\rtwo\x01\x7f\r", "onetwo"},
		"the ends of the text":          {"one\\\rtwo\x1b<a\x1b>b\r", "aone\ntwob"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, 70, 20)
			s.Press(tc.keys)
			s.Has("got " + strconv.Quote(tc.want) + "\r\n")
		})
	}
}

func TestANarrowerTerminalShowsALineOnce(t *testing.T) {
	s := start(t, 70, 20)
	s.Press("before\r")
	s.Shows("> before\ngot \"before\"\n>")
	s.Press(strings.Repeat("abcd ", 8))
	s.At(42)
	s.Resize(30, 20)
	s.Shows("> before\ngot \"before\"\n> abcd abcd abcd abcd abcd abc\nd abcd abcd")
	s.Press("more\x01")
	s.Shows("> before\ngot \"before\"\n> abcd abcd abcd abcd abcd abc\nd abcd abcd more")
	s.At(2)
	s.Press("X")
	s.Resize(80, 20)
	s.Shows("> before\ngot \"before\"\n> Xabcd abcd abcd abcd abcd abcd abcd abcd more")
	s.Resize(20, 10)
	s.Shows("> Xabcd abcd abcd ab\ncd abcd abcd abcd ab\ncd more")
	s.Press("\r")
	s.Has("got \"Xabcd")
}

func TestReplacementCharactersAreText(t *testing.T) {
	s := start(t, 70, 20)
	s.Press("a\uFFFDb\r")
	s.Shows("> a\uFFFDb\ngot \"a\uFFFDb\"\n>")
	s.Press("c\xffd\r")
	s.Shows("> c\uFFFDd\ngot \"c\uFFFDd\"\n>")
}

func TestTypingAheadLosesNothing(t *testing.T) {
	s := start(t, 70, 20)
	s.Press("one\rtwo\rthree\rfo")
	s.Shows("> one\ngot \"one\"\n> two\ngot \"two\"\n> three\ngot \"three\"\n> fo")
}

func TestSearchingTheHistory(t *testing.T) {
	for name, tc := range map[string]struct{ keys, want string }{
		"a part of an entry":  {"\x12thi\r", "Second thing"},
		"an older one":        {"\x12thi\x12\r", "first thing"},
		"and back":            {"\x12thi\x12\x13\r", "Second thing"},
		"without a match":     {"\x12third\r", "Second thing"},
		"upper case":          {"\x12Sec\r", "Second thing"},
		"taking a letter off": {"\x12firsx\x7f\r", "first thing"},
		"going on editing":    {"\x12fir\x01A\r", "Afirst thing"},
		"escape":              {"\x12fir\x1b\x1b[1~A\r", "Afirst thing"},
		"giving up":           {"draft\x12fir\x07\r", "draft"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, 70, 20)
			s.Press("first thing\rSecond thing\rother\r")
			s.Shows("got \"other\"\n>") // before the prompt, Ctrl-S would stop the terminal
			s.Press(tc.keys)
			s.Until("the message", func() bool { return strings.HasSuffix(s.Screen(), "got "+strconv.Quote(tc.want)+"\n>") })
		})
	}
	s := start(t, 70, 20)
	s.Press("first thing\r")
	s.Shows("got \"first thing\"\n>")
	s.Press("\x12THI")
	s.Shows("(failed reverse-i-search)`THI':")
	s.Press("\x7f\x7f\x7fthi")
	s.Shows("(reverse-i-search)`thi': first thing")
	s.At(31)
}

func TestTheHistoryIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	s := start(t, 70, 20, "LINEEDIT_HISTORY="+path)
	s.Press("one\ra\x1b\rb\rb\rb\r\x04")
	assert.Equal(t, 0, s.ExitCode())
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "\"one\"\n\"a\\nb\"\n\"b\"\n", string(data))
	s = start(t, 70, 20, "LINEEDIT_HISTORY="+path)
	s.Press("draft\x1b[A\x1b[A")
	s.Shows("> a\n  b")
	s.Press("\x1b[B\x1b[B")
	s.Shows("> draft")
	s.Press("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\r")
	s.Shows("got \"one\"\n>")
}

func TestADumbTerminal(t *testing.T) {
	s := start(t, 70, 20, "TERM=dumb")
	s.Press("你好" + backspace + "!\r")
	s.Shows("> 你!\ngot \"你!\"\n>")
	s.Press("one\\\rtwo\r")
	s.Shows("> one\n  two\ngot \"one\\ntwo\"\n>")
	s.Press("b\x01a\r")
	s.Has("got \"ab\"")
	assert.NotContains(t, s.Written(), "\x1b")
}

func TestCtrlLClearsTheScreen(t *testing.T) {
	s := start(t, 70, 20)
	s.Press("one\rtwo\x0c")
	s.Until("only the prompt", func() bool { return s.Screen() == "> two" })
}

func TestCtrlZStopsTheProgramUntilItIsContinued(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	s := ptytest.Start(t, 70, 20, []string{"LINEEDIT_HISTORY=" + filepath.Join(t.TempDir(), "history"), "PS1=$ "}, shell, "--norc", "--noprofile", "-i")
	s.Until("a prompt", func() bool { return strings.HasSuffix(s.Screen(), "$") })
	s.Press("clear; " + self + "\r")
	s.Until("the program", func() bool { return strings.HasSuffix(s.Screen(), ">") })
	s.Press("abc\x1a")
	s.Until("the shell", func() bool { return strings.Contains(s.Screen(), "Stopped") && strings.HasSuffix(s.Screen(), "$") })
	s.Press("fg\r")
	s.Until("the program again", func() bool { return strings.HasSuffix(s.Screen(), "> abc") })
	s.Press("d\r")
	s.Shows("> abcd\ngot \"abcd\"\n>")
	s.Press("\x04")
	s.Until("the shell", func() bool { return strings.HasSuffix(s.Screen(), "end\n$") })
}
