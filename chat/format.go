// Package chat turns messages into prompts. It splits what a model generates into the parts of an answer: thoughts, text and
// function calls. It only works on strings and holds no model. Package prompt knows the formats.
//
// Limits: text only, and one function call per answer, because G1 models were trained on one.
package chat

import (
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/prompt"
)

// Format is how to talk to a model.
type Format struct {
	prompt.Template
	System string       // the system prompt
	Think  prompt.Think // whether and how long the model thinks first

	Calls  bool          // the system prompt offers functions; OfferTools sets it
	Choice Choice        // whether an answer calls one
	Tools  []prompt.Tool // those that may be called; none if they are not known
}

// OfferTools returns the format with a list of functions in its system prompt. prompt.ParseTools describes the list's forms. from names
// the form of a list that had to be converted. It is empty if G1 models were trained on the list's form.
func (f Format) OfferTools(list string, choice Choice) (with Format, from string, err error) {
	tools, err := prompt.ParseTools(list)
	if err != nil {
		return f, "", err
	}
	f.System = strings.TrimSpace(f.System + "\n" + tools.System(choice == Auto))
	f.Calls, f.Choice, f.Tools = true, choice, tools.Each
	return f, tools.From, nil
}

// Start returns how an answer begins. If functions are offered, the model does not think first, and the choice is not its own, the answer
// begins as a function call.
func (f Format) Start() prompt.Think {
	if f.Calls && f.Choice != Auto && f.Think.Start == "" {
		return prompt.Think{Start: prompt.CallStart}
	}
	return f.Think
}

// ForcesCall reports whether an answer with this start is a function call.
func ForcesCall(start prompt.Think) bool { return start.Start == prompt.CallStart }

// Stops returns the stop strings of an answer. If the answer is a function call, they include the end of the call.
func Stops(stops []string, start prompt.Think) []string {
	if ForcesCall(start) {
		return append(slices.Clip(stops), prompt.CallEnd)
	}
	return stops
}

// Kept returns the part of an answer that stays in the conversation: the answer without thoughts, or a function call in its
// fences. cut reports that the answer was interrupted before there was anything to keep. unfinished tells that a limit or the
// user ended it.
func Kept(start prompt.Think, said string, unfinished bool) (answer string, cut bool) {
	if !ForcesCall(start) {
		answer, thinking := start.Answer(said)
		return answer, answer == "" && (thinking || start.Start != "")
	}
	call, err := prompt.Call(said)
	if err != nil && unfinished {
		return "", true
	}
	return fenced(call), false
}

// CheckCall returns what is wrong with the function call in an answer, or nil. If the model was free to answer in words, only an
// answer that begins with a fence counts as a call.
func CheckCall(start prompt.Think, said string) error {
	if !ForcesCall(start) {
		said, _ = start.Answer(said)
		if !strings.HasPrefix(said, prompt.Fence) {
			return nil
		}
	}
	_, err := prompt.Call(said)
	return err
}

// Lacking returns what must be added to text so that it ends with separator.
func Lacking(text, separator string) string {
	for n := len(separator); n > 0; n-- {
		if strings.HasSuffix(text, separator[:n]) {
			return separator[n:]
		}
	}
	return separator
}
