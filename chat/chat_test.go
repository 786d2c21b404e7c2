package chat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/prompt"
)

func Example() {
	g1, err := prompt.Named("g1")
	if err != nil {
		panic(err)
	}
	format := chat.Format{Template: g1}
	if format.Think, err = prompt.ParseThink("on"); err != nil {
		panic(err)
	}
	fmt.Printf("%q\n", format.Ask("What is a goose?", format.Start()))
	splitter := format.NewSplitter(format.Start())
	for _, piece := range []string{">\nA bir", "d.</thi", "nk>\nA bird."} {
		for _, part := range splitter.Push(piece) {
			fmt.Printf("%s %q\n", part.Kind, part.Text)
		}
	}
	// Output:
	// "User: What is a goose?\n\nAssistant: <think"
	// thoughts "\nA bir"
	// thoughts "d."
	// answer "A bird."
}

// joined concatenates an answer's parts. It marks them by kind: "[thoughts]answer{call}".
func joined(parts []chat.Part) string {
	around := map[chat.Kind][2]string{chat.Thoughts: {"[", "]"}, chat.Answer: {"", ""}, chat.Call: {"{", "}"}}
	var b strings.Builder
	for i, p := range parts {
		if i == 0 || parts[i-1].Kind != p.Kind {
			b.WriteString(around[p.Kind][0])
		}
		b.WriteString(p.Text)
		if i == len(parts)-1 || parts[i+1].Kind != p.Kind {
			b.WriteString(around[p.Kind][1])
		}
	}
	return b.String()
}

func TestAnAnswerIsCutIntoPartsWhereverItsPiecesAre(t *testing.T) {
	for name, tc := range map[string]struct {
		start, said, want string
		calls             bool
	}{
		"an answer":                           {"", " \nHi there", "Hi there", false},
		"thoughts that the prompt began":      {" <think", ">\nHm.</think>\nHello.", "[\nHm.]Hello.", false},
		"thoughts of a longer tag":            {" <think", "\nHm.</think>Hello.", "[\nHm.]Hello.", false},
		"thoughts that are over":              {" <think>\n</think", ">\n\nHi", "Hi", false},
		"empty thoughts":                      {" <think></think", ">\nHi>", "Hi>", false},
		"thoughts that the model began":       {"", " <think>Hm.</think> Hello.", "[Hm.]Hello.", false},
		"thoughts that do not end":            {"", " <think>Hm.", "[Hm.]", false},
		"thoughts begun behind an answer":     {" <think", ">Hm.</think>\nHello.\n<think>Hm", "[Hm.]Hello.[Hm]", false},
		"less-than signs":                     {"", "1 < 2 <thin>\n<three", "1 < 2 <thin>\n<three", false},
		"the beginning of a tag, at the end":  {"", "a\n<thi", "a\n<thi", false},
		"a beginning and no more":             {"", "<thi", "<thi", false},
		"a call that was asked for":           {prompt.CallStart, "\n{\"name\":\"f\"}", `{{"name":"f"}}`, true},
		"a call and what follows":             {prompt.CallStart, "\n{}\n```\nHonk.", "{{}}Honk.", true},
		"a call behind thoughts":              {" <think", ">Hm.</think>\n```json\n{}\n```", "[Hm.]{{}}", true},
		"a call behind words":                 {"", "Wait.\n```json\n{}", "Wait.{{}}", true},
		"JSON where no functions are offered": {"", "Look:\n```json\n{}\n```", "Look:\n```json\n{}\n```", false},
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(tc.said); size++ {
				s := chat.Format{Calls: tc.calls}.NewSplitter(prompt.Think{Start: tc.start})
				var parts []chat.Part
				for rest := tc.said; rest != ""; rest = rest[min(size, len(rest)):] {
					parts = append(parts, s.Push(rest[:min(size, len(rest))])...)
				}
				require.Equal(t, tc.want, joined(append(parts, s.Flush()...)), "pieces of %d bytes", size)
			}
		})
	}
}

func TestWhatAnAnswerLeaves(t *testing.T) {
	forced := prompt.Think{Start: prompt.CallStart}
	on, err := prompt.ParseThink("on")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		start      prompt.Think
		said       string
		unfinished bool
		want       string
		cut        bool
	}{
		"an answer":                          {prompt.Think{}, " Hello.", false, "Hello.", false},
		"half an answer":                     {prompt.Think{}, " Hel", true, "Hel", false},
		"no answer":                          {prompt.Think{}, "", false, "", false},
		"thoughts that the model began":      {prompt.Think{}, " <think>Hm.", false, "", true},
		"thoughts that the model ended":      {prompt.Think{}, " <think>Hm.</think> Hello.", false, "Hello.", false},
		"thoughts":                           {on, ">\nHm.", true, "", true},
		"thoughts and nothing else":          {on, ">\nHm.</think>\n", true, "", true},
		"thoughts and an answer":             {on, ">\nHm.</think>\nHello.", true, "Hello.", false},
		"an answer, and thoughts begun anew": {on, ">\nHm.</think>\nHello.\n<think", true, "Hello.", false},
		"thoughts and a call":                {on, ">\nHm.</think>\n```json\n{\"name\":\"f\"}\n```", false, "```json\n{\"name\":\"f\"}\n```", false},
		"a call":                             {forced, "\n{\"name\":\"f\"}", false, "```json\n{\"name\":\"f\"}\n```", false},
		"half a call":                        {forced, "\n{\"name\":", true, "", true},
		"a call that was not ended":          {forced, "\n{\"name\":\"f\"}", true, "```json\n{\"name\":\"f\"}\n```", false},
	} {
		t.Run(name, func(t *testing.T) {
			answer, cut := chat.Kept(tc.start, tc.said, tc.unfinished)
			assert.Equal(t, tc.want, answer)
			assert.Equal(t, tc.cut, cut)
		})
	}
}

func TestLacking(t *testing.T) {
	for text, want := range map[string]string{"": "\n\n", "a": "\n\n", "a\n": "\n", "a\n\n": "", "a\n\n\n": ""} {
		assert.Equal(t, want, chat.Lacking(text, "\n\n"), "%q", text)
	}
}

func TestFunctionsThatAreOfferedAreCalled(t *testing.T) {
	f, from, err := chat.Format{}.OfferTools(`[{"type": "function", "function": {"name": "honk", "description": "honks", "parameters": {"type": "object", "properties": {}}}}]`, chat.Trained)
	require.NoError(t, err)
	assert.Equal(t, "OpenAI's", from)
	assert.Contains(t, f.System, "honk")
	assert.True(t, chat.ForcesCall(f.Start()))
	assert.Equal(t, []string{"a", prompt.CallEnd}, chat.Stops([]string{"a"}, f.Start()))
	assert.Error(t, chat.CheckCall(f.Start(), "honk"))
	assert.NoError(t, chat.CheckCall(f.Start(), `{"name": "honk", "arguments": {}}`))
	f.Think, err = prompt.ParseThink("on")
	require.NoError(t, err)
	assert.False(t, chat.ForcesCall(f.Start()))
	assert.NoError(t, chat.CheckCall(f.Start(), ">Hm.</think>\nHonk."))
	_, _, err = f.OfferTools("honk", chat.Trained)
	assert.Error(t, err)
}

// Messages of an HTTP request become a prompt. Then the answer's turn is closed for the next one.
func ExampleFormat_Prompt() {
	g1, err := prompt.Named("g1")
	if err != nil {
		panic(err)
	}
	p, err := chat.Format{Template: g1}.Prompt([]chat.Message{
		{Role: chat.System, Text: "Be brief."},
		{Role: chat.User, Text: "What is a goose?"},
		{Role: chat.Assistant, Text: "A bird."},
		{Role: chat.User, Text: "Can it fly?"},
	}, chat.Continue)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q\n", p.Text)
	fmt.Printf("%q\n", p.Text[p.History:p.Answer])
	closing, _ := p.Close(" Yes.", false)
	fmt.Printf("%q %v\n", closing.Text[p.Answer:], closing.Ready)
	// Output:
	// "System: Be brief.\n\nUser: What is a goose?\n\nAssistant: A bird.\n\nUser: Can it fly?\n\nAssistant:"
	// "User: Can it fly?\n\nAssistant:"
	// " Yes.\n\n" true
}
