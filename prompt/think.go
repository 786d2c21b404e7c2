package prompt

import (
	"fmt"
	"strings"
)

// Think is how a G1 model is brought to think before it answers, or not to.
type Think struct {
	Name string
	// Request is put behind the user's text; newer models read it.
	Request string
	// Start is put behind the assistant's name. The closing ">" of its tag is left to the model, since the token that starts
	// with it may be longer.
	Start string
}

// ThinkModes returns all modes, those of RWKV's RWKV7-G1x-templates.txt. The first is the zero value's: a plain prompt.
func ThinkModes() []Think {
	return []Think{
		{Name: "off"},
		{Name: "fast", Start: " <think>\n</think"}, // thoughts that are over already: better answers at no cost
		{Name: "empty", Start: " <think></think"},  // the same, on one line
		{Name: "on", Start: " <think"},
		{Name: "low", Request: " (think a bit)", Start: " <think"},
		{Name: "medium", Request: " (think)", Start: " <think"},
		{Name: "high", Request: " (think a lot)", Start: " <think"},
	}
}

// ParseThink returns the mode of that name.
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

// Answer returns what the model said in the end, given all it generated in this mode: what follows its thoughts, without white
// space around it. thinking tells that the text ends inside thoughts, which may have begun behind an answer.
func (k Think) Answer(generated string) (answer string, thinking bool) {
	return withoutThoughts(k.Start + generated)
}

// withoutThoughts returns the text behind the last thoughts that ended, up to those that did not.
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
