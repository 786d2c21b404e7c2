package prompt

import (
	"fmt"
	"strings"
)

// Think is how to make a G1 model think before it answers, or not.
type Think struct {
	Name string
	// Request is appended to the user's text. Newer models understand it.
	Request string
	// Start is appended to the assistant's name. The model generates the closing ">" of the tag, because ">" may be the start of
	// a longer token.
	Start string
}

// ThinkModes returns all modes of RWKV's RWKV7-G1x-templates.txt. The first one, "off", adds nothing to the prompt.
func ThinkModes() []Think {
	return []Think{
		{Name: "off"},
		{Name: "fast", Start: " <think>\n</think"}, // empty thoughts: better answers at no cost
		{Name: "empty", Start: " <think></think"},  // the same, on one line
		{Name: "on", Start: " <think"},
		{Name: "low", Request: " (think a bit)", Start: " <think"},
		{Name: "medium", Request: " (think)", Start: " <think"},
		{Name: "high", Request: " (think a lot)", Start: " <think"},
	}
}

// ParseThink returns the mode with this name.
func ParseThink(name string) (Think, error) {
	var names []string
	for _, mode := range ThinkModes() {
		if mode.Name == name {
			return mode, nil
		}
		names = append(names, mode.Name)
	}
	return Think{}, fmt.Errorf("unknown think mode %q: want one of %s", name, strings.Join(names, ", "))
}

// Answer returns the model's final answer from all that it generated in this mode: the text after its thoughts, trimmed. thinking
// reports that the text ends inside thoughts. Those may have started after an answer.
func (k Think) Answer(generated string) (answer string, thinking bool) {
	return withoutThoughts(k.Start + generated)
}

// withoutThoughts returns the text after the last complete thoughts, up to any thoughts that are still open.
func withoutThoughts(text string) (answer string, open bool) {
	const begin, end = "<think", "</think>"
	if i := strings.LastIndex(text, end); i >= 0 {
		text = text[i+len(end):]
	}
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, begin) {
		return "", true
	}
	answer, _, open = strings.Cut(text, "\n"+begin)
	return strings.TrimSpace(answer), open
}
