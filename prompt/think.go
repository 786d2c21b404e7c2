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

// ThinkModes returns all modes. The first is the zero value's: a plain prompt.
func ThinkModes() []Think {
	return []Think{
		{Name: "off"},
		{Name: "fast", Start: " <think>\n</think"}, // thoughts that are over already: better answers at no cost
		{Name: "on", Start: " <think"},
		{Name: "low", Request: " (think a bit)", Start: " <think"},
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
// space around it. It is empty while the model still thinks.
func (k Think) Answer(generated string) string { return withoutThoughts(k.Start + generated) }

func withoutThoughts(text string) string {
	const begin, end = "<think", "</think>"
	text = strings.TrimSpace(text)
	if i := strings.LastIndex(text, end); i >= 0 {
		return strings.TrimSpace(text[i+len(end):])
	}
	if strings.HasPrefix(text, begin) {
		return ""
	}
	return text
}
