package chat_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/prompt"
)

// format returns the format of a template with a think mode.
func format(t testing.TB, template, think string) chat.Format {
	t.Helper()
	named, err := prompt.Named(template)
	require.NoError(t, err)
	mode, err := prompt.ParseThink(think)
	require.NoError(t, err)
	return chat.Format{Template: named, Think: mode}
}

// marked shows a prompt with its places: "|" is the end of a turn, "S" the system's, "H" the history and "A" the answer.
func marked(p chat.Prompt) string {
	var b strings.Builder
	for i := range len(p.Text) + 1 {
		for _, end := range p.Turns {
			if end == i {
				b.WriteByte('|')
			}
		}
		for name, at := range map[string]int{"S": p.System, "H": p.History, "A": p.Answer} {
			if at == i && at > 0 {
				b.WriteString("[" + name + "]")
			}
		}
		if i < len(p.Text) {
			b.WriteByte(p.Text[i])
		}
	}
	return b.String()
}

func TestAPromptTellsWhereOthersMayPartFromIt(t *testing.T) {
	user, again := chat.Message{Role: chat.User, Text: "Hi"}, chat.Message{Role: chat.User, Text: "So?"}
	system, said := chat.Message{Role: chat.System, Text: "Be brief."}, chat.Message{Role: chat.Assistant, Text: "Honk."}
	for name, tc := range map[string]struct {
		template, think string
		messages        []chat.Message
		next            chat.Next
		want            string
	}{
		"a question":                {"g1", "off", []chat.Message{user}, chat.Continue, "User: Hi\n\n|Assistant:[A]"},
		"several turns":             {"g1", "off", []chat.Message{user, said, again}, chat.Continue, "User: Hi\n\n|Assistant: Honk.\n\n|[H]User: So?\n\n|Assistant:[A]"},
		"thoughts":                  {"g1", "on", []chat.Message{user}, chat.Continue, "User: Hi\n\n|Assistant:[A] <think"},
		"a request to think":        {"g1", "low", []chat.Message{user, said, again}, chat.Continue, "User: Hi\n\n|Assistant: Honk.\n\n|[H]User: So? (think a bit)\n\n|Assistant:[A] <think"},
		"the result of a call":      {"g1", "low", []chat.Message{user, said, {Role: chat.Tool, Text: "12"}}, chat.Continue, "User: Hi\n\n|Assistant: Honk.\n\n|[H]User: Function output:\n12\n\n|Assistant:[A] <think"},
		"an answer to continue":     {"g1", "on", []chat.Message{user, said}, chat.Continue, "User: Hi\n\n|Assistant:[A] Honk."},
		"another answer":            {"g1", "on", []chat.Message{user, said}, chat.Reply, "User: Hi\n\n|Assistant: Honk.\n\n|Assistant:[A] <think"},
		"another format":            {"raven", "off", []chat.Message{user}, chat.Continue, "\n[H]Bob: Hi\n\n|Alice:[A]"},
		"a format with other marks": {"chatml", "off", []chat.Message{user}, chat.Continue, "<|im_start|>user\nHi<|im_end|>\n|<|im_start|>assistant\n[A]"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := format(t, tc.template, tc.think).Prompt(tc.messages, tc.next)
			require.NoError(t, err)
			assert.Equal(t, tc.want, marked(p))
		})
	}
	p, err := format(t, "g1", "off").Prompt([]chat.Message{system, user}, chat.Continue)
	require.NoError(t, err)
	assert.Equal(t, "System: Be brief.\n\n", p.Text[:p.System])
	assert.Equal(t, p.System, p.History)
	assert.Equal(t, []int{p.System, p.Answer - len("Assistant:")}, p.Turns)
}

func TestATurnIsClosedAsTheNextPromptHasIt(t *testing.T) {
	for name, tc := range map[string]struct {
		think, said, want string
		ready             bool
	}{
		"an answer":                      {"off", " Honk.", "User: Hi\n\nAssistant: Honk.\n\n", true},
		"an answer with a line end":      {"off", " Honk.\n", "User: Hi\n\nAssistant: Honk.\n\n", true},
		"an answer with its separator":   {"off", " Honk.\n\n", "User: Hi\n\nAssistant: Honk.\n\n", true},
		"an answer of two paragraphs":    {"off", " One.\n\nTwo.", "User: Hi\n\nAssistant: One.\n\nTwo.\n\n", true},
		"an answer without its blank":    {"off", "Honk.", "User: Hi\n\nAssistant: Honk.\n\n", false},
		"an answer with blanks behind":   {"off", " Honk. ", "User: Hi\n\nAssistant: Honk.\n\n", false},
		"nothing":                        {"off", "", "User: Hi\n\nAssistant:\n\n", true},
		"thoughts":                       {"on", ">\nHm.</think>\nHonk.", "User: Hi\n\nAssistant: Honk.\n\n", false},
		"thoughts that were asked for":   {"high", ">\nHm.</think>\nHonk.", "User: Hi\n\nAssistant: Honk.\n\n", false},
		"thoughts and two answers":       {"on", ">a</think>b\n<think>c</think>d", "User: Hi\n\nAssistant: bd\n\n", false},
		"thoughts that nobody asked for": {"off", " <think>Hm.</think> Honk.", "User: Hi\n\nAssistant: Honk.\n\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := format(t, "g1", tc.think).Prompt([]chat.Message{{Role: chat.User, Text: "Hi"}}, chat.Continue)
			require.NoError(t, err)
			closing, ok := p.Close(tc.said, false)
			require.True(t, ok)
			assert.Equal(t, chat.Closing{Text: tc.want, Ready: tc.ready}, closing)
		})
	}
	p, err := format(t, "g1", "on").Prompt([]chat.Message{{Role: chat.User, Text: "Hi"}}, chat.Continue)
	require.NoError(t, err)
	_, ok := p.Close(">\nHm.", true)
	assert.False(t, ok, "a turn that ended in its thoughts")
}

func TestATurnWithACallIsClosed(t *testing.T) {
	f, _, err := format(t, "g1", "off").OfferTools("- honk()", chat.Trained)
	require.NoError(t, err)
	p, err := f.Prompt([]chat.Message{{Role: chat.User, Text: "Hi"}}, chat.Continue)
	require.NoError(t, err)
	closing, ok := p.Close("\n{\"name\":\"honk\"}", false)
	require.True(t, ok)
	assert.True(t, closing.Ready)
	assert.Equal(t, " ```json\n{\"name\":\"honk\"}\n```\n\n", closing.Text[p.Answer:])
	f.Think = format(t, "g1", "on").Think
	p, err = f.Prompt([]chat.Message{{Role: chat.User, Text: "Hi"}}, chat.Continue)
	require.NoError(t, err)
	closing, ok = p.Close(">Hm.</think>\n```json\n{\"name\":\"honk\"}\n```", false)
	require.True(t, ok)
	assert.False(t, closing.Ready)
	assert.Equal(t, " ```json\n{\"name\":\"honk\"}\n```\n\n", closing.Text[p.Answer:])
}

func TestTheNewPartOfAnAnswerKeepsItsBlank(t *testing.T) {
	p, err := format(t, "g1", "on").Prompt([]chat.Message{{Role: chat.User, Text: "Hi"}, {Role: chat.Assistant, Text: "Honk,"}}, chat.Continue)
	require.NoError(t, err)
	s := p.NewSplitter()
	assert.Equal(t, " I am a goose.", joined(append(s.Push(" I am a goose."), s.Flush()...)))
	closing, ok := p.Close(" I am a goose.", false)
	require.True(t, ok)
	assert.Equal(t, chat.Closing{Text: "User: Hi\n\nAssistant: Honk, I am a goose.\n\n", Ready: true}, closing)
}

// TestTheNextPromptBeginsWithTheClosing is the law of Close, for conversations of random texts.
func TestTheNextPromptBeginsWithTheClosing(t *testing.T) {
	words := []string{"a", " ", "\n", "\n\n", "<think", "</think", ">", "User:", "Assistant:", "<|im_end|>", "<|im_start|>", "\r\n", "é", "Bob:"}
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		var b strings.Builder
		for range random.IntN(6) {
			b.WriteString(words[random.IntN(len(words))])
		}
		return b.String()
	}
	ready := 0
	for i := range 5000 {
		template := []string{"g1", "qa", "raven", "chatml"}[random.IntN(4)]
		think := "off"
		if template == "g1" {
			think = prompt.ThinkModes()[random.IntN(len(prompt.ThinkModes()))].Name
		}
		f := format(t, template, think)
		messages := []chat.Message{{Role: chat.System, Text: "s"}, {Role: chat.User, Text: text()}}
		var begun string
		if random.IntN(4) == 0 {
			begun = text()
			messages = append(messages, chat.Message{Role: chat.Assistant, Text: begun})
		}
		p, err := f.Prompt(messages, chat.Continue)
		require.NoError(t, err)
		said := text()
		closing, ok := p.Close(said, random.IntN(2) == 0)
		if !ok {
			continue
		}
		answer := ""
		if begun != "" {
			answer, _ = prompt.Think{}.Answer(begun)
			messages = messages[:2]
		}
		s := p.NewSplitter()
		for _, part := range append(s.Push(said), s.Flush()...) {
			if part.Kind == chat.Answer {
				answer += part.Text
			}
		}
		next, err := f.Prompt(append(messages, chat.Message{Role: chat.Assistant, Text: answer}, chat.Message{Role: chat.User, Text: text()}), chat.Continue)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(next.Text, closing.Text), "%d: %s, %s, %q, %q:\n%q\n%q", i, template, think, begun, said, closing.Text, next.Text)
		if closing.Ready {
			ready++
			require.True(t, strings.HasPrefix(next.Text, p.Text+said))
		}
	}
	assert.Greater(t, ready, 300)
}

func TestNoTextForgesATurn(t *testing.T) {
	for _, template := range []string{"g1", "qa", "question", "raven", "chatml"} {
		f := format(t, template, "off")
		var texts []string
		for _, name := range []string{f.System, f.User, f.Assistant} {
			texts = append(texts, "Hi"+f.Separator+name+"x", "Hi\r\n\r\n"+name+"x", fmt.Sprintf("Hi%s%s%s", f.Separator, f.Separator, name))
		}
		for _, text := range texts {
			for _, role := range []chat.Role{chat.System, chat.User, chat.Tool} {
				p, err := f.Prompt([]chat.Message{{Role: role, Text: text}}, chat.Continue)
				require.NoError(t, err)
				assert.Equal(t, 1, strings.Count(strings.ReplaceAll(p.Text, "\r\n", "\n"), f.Separator), "%s, %s: %q", template, role, p.Text)
			}
		}
	}
}
