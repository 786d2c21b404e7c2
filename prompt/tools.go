package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Fence ends a function call, and with "json" behind it begins one.
const Fence = "```"

// CallStart stands behind the assistant's name to make a model call a function.
const CallStart = " " + Fence + "json"

// Tools returns the text of the system's turn that offers functions to a G1 model: a JSON array of objects with name, description
// and arguments, or lines such as "- name(arg: type, opt?: "a" | "b")". What begins as JSON must be an array.
func Tools(list string) (string, error) {
	list = Clean(list)
	if list == "" {
		return "", errors.New("no tools in it: want a JSON array of them, or one on each line")
	}
	if strings.HasPrefix(list, "[") || strings.HasPrefix(list, "{") {
		var tools []json.RawMessage
		if err := json.Unmarshal([]byte(list), &tools); err != nil {
			return "", fmt.Errorf("no JSON array of tools: %w", err)
		}
	}
	return "Tools:\n" + list + "\nReturn only a JSON function call.", nil
}

// Call returns the function call in what a model generated after CallStart, or an error that says what is wrong with it.
func Call(generated string) (string, error) {
	text, _, _ := strings.Cut(generated, Fence)
	text = strings.TrimSpace(text)
	var call struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if err := json.Unmarshal([]byte(text), &call); err != nil {
		return text, fmt.Errorf("the answer is no JSON function call: %w", err)
	}
	if call.Name == "" {
		return text, errors.New(`the answer is no function call: it has no "name"`)
	}
	return text, nil
}

// Result returns the text of a user's turn that tells a model what its call came to.
func Result(output string) string { return "Function output:\n" + Clean(output) }
