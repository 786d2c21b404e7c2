package prompt_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gosling/prompt"
)

func TestClean(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":                              {"", ""},
		"white space only":                     {" \r\n\t\n ", ""},
		"a line":                               {"hi", "hi"},
		"white space at both ends":             {"\n\n  hi there \t\n", "hi there"},
		"single line ends stay":                {"a\nb\nc", "a\nb\nc"},
		"runs of line ends become one":         {"a\n\nb\n\n\n\nc", "a\nb\nc"},
		"CR LF counts as a line end":           {"a\r\n\r\nb\r\nc", "a\nb\nc"},
		"mixed line ends":                      {"a\n\r\nb", "a\nb"},
		"a lone CR stays":                      {"a\rb", "a\rb"},
		"spaces between the line ends stay":    {"a\n \nb", "a\n \nb"},
		"text that is not ASCII":               {"\u3000你好\n\n世界", "你好\n世界"},
		"CRs before CR LF leave no empty line": {"a\r\r\n\nb", "a\r\nb"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, prompt.Clean(tc.text)) })
	}
}

func FuzzCleanLeavesNoEmptyLine(f *testing.F) {
	f.Add("a\r\n\r\nb \n")
	f.Add("\r\r\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		clean := prompt.Clean(text)
		require.NotContains(t, clean, "\n\n")
		require.Equal(t, strings.TrimSpace(clean), clean)
		require.LessOrEqual(t, len(clean), len(text))
	})
}

func mode(t *testing.T, name string) prompt.Think {
	t.Helper()
	think, err := prompt.ParseThink(name)
	require.NoError(t, err)
	return think
}

func TestRender(t *testing.T) {
	one := []prompt.Turn{{User: "What is a goose?"}}
	two := []prompt.Turn{{User: "hi", Assistant: "Hello."}, {User: " Who\n\nare you?\n"}}
	for name, tc := range map[string]struct {
		system string
		turns  []prompt.Turn
		think  string
		want   string
	}{
		"nothing":                           {"", nil, "on", ""},
		"a question":                        {"", one, "off", "User: What is a goose?\n\nAssistant:"},
		"a system and a question":           {" Be\n\nbrief. ", one, "off", "System: Be\nbrief.\n\nUser: What is a goose?\n\nAssistant:"},
		"several turns":                     {"", two, "off", "User: hi\n\nAssistant: Hello.\n\nUser: Who\nare you?\n\nAssistant:"},
		"a conversation that is complete":   {"", two[:1], "on", "User: hi\n\nAssistant: Hello.\n\n"},
		"thinking":                          {"", one, "on", "User: What is a goose?\n\nAssistant: <think"},
		"thinking in the last turn only":    {"", two, "fast", "User: hi\n\nAssistant: Hello.\n\nUser: Who\nare you?\n\nAssistant: <think>\n</think"},
		"thoughts left empty":               {"", one, "empty", "User: What is a goose?\n\nAssistant: <think></think"},
		"thinking a bit":                    {"", one, "bit", "User: What is a goose? (think a bit)\n\nAssistant: <think"},
		"thinking some":                     {"", one, "some", "User: What is a goose? (think)\n\nAssistant: <think"},
		"thinking a lot":                    {"", one, "lot", "User: What is a goose? (think a lot)\n\nAssistant: <think"},
		"thoughts of earlier answers go":    {"", []prompt.Turn{{"hi", "<think>\nA greeting.\n</think>\n Hello. "}}, "off", "User: hi\n\nAssistant: Hello.\n\n"},
		"an earlier answer that is missing": {"", []prompt.Turn{{User: "a"}, {User: "b"}}, "off", "User: a\n\nAssistant:\n\nUser: b\n\nAssistant:"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, prompt.QA().Render(tc.system, tc.turns, mode(t, tc.think)))
		})
	}
}

func TestRenderIsOpenAndAsk(t *testing.T) {
	qa, think := prompt.QA(), mode(t, "bit")
	assert.Equal(t, qa.Render("s", []prompt.Turn{{User: "q"}}, think), qa.Open("s")+qa.Ask("q", think))
}

func TestAnswer(t *testing.T) {
	for name, tc := range map[string]struct{ think, generated, want string }{
		"a plain answer":               {"off", " Hello.\n", "Hello."},
		"thoughts and an answer":       {"on", ">\nHm.\n</think>\nHello.", "Hello."},
		"thoughts only so far":         {"on", ">\nHm.", ""},
		"thoughts that were over":      {"fast", ">\nHello.", "Hello."},
		"thoughts that were empty":     {"empty", ">Hello.", "Hello."},
		"thoughts nobody asked for":    {"off", " <think>Hm.</think> Hello.", "Hello."},
		"two thoughts":                 {"on", ">a</think>b<think>c</think>d", "d"},
		"a word about the tag <think>": {"off", " Write <think> first.", "Write <think> first."},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, mode(t, tc.think).Answer(tc.generated)) })
	}
}

func TestParseThinkNamesTheModes(t *testing.T) {
	_, err := prompt.ParseThink("maybe")
	assert.EqualError(t, err, `unknown think mode "maybe": want one of off, on, fast, empty, bit, some, lot`)
	assert.Equal(t, "off", prompt.ThinkModes()[0].Name)
}

func Example() {
	qa := prompt.QA()
	fmt.Printf("%q\n", qa.Render("", []prompt.Turn{{User: "What is a goose?"}}, prompt.Think{}))

	stopper, err := prompt.NewStopper(qa.Stops...)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, piece := range []string{" A bird", ".\n", "\nUs", "er: hi"} {
		free, stopped := stopper.Push(piece)
		fmt.Printf("%q %v\n", free, stopped)
	}
	// Output:
	// "User: What is a goose?\n\nAssistant:"
	// " A bird" false
	// "." false
	// "" false
	// "" true
}
