// Package chat turns what is said into prompts, and what a model generates into the parts of an answer: thoughts, the answer itself
// and function calls. It is pure: it computes with texts and holds no model. Package prompt knows the formats.
//
// Limits: text only; one function call in an answer, which is what G1 models were trained on.
package chat

import (
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/prompt"
)

// Format is how a model is talked to.
type Format struct {
	prompt.Template
	System string       // the system's text
	Think  prompt.Think // whether and how long it thinks first
	Calls  bool         // the system's text offers functions, as OfferTools puts them there
}

// OfferTools offers the functions in a list, which prompt.Tools describes, and returns the name of the list's form if it was not
// the one that models were trained on.
func (f *Format) OfferTools(list string) (from string, err error) {
	tools, from, err := prompt.Tools(list)
	if err != nil {
		return "", err
	}
	f.System, f.Calls = strings.TrimSpace(f.System+"\n"+tools), true
	return from, nil
}

// Start is how an answer begins. Where functions are offered and the model does not think first, it begins as a function call;
// thoughts may lead to a call or to words.
func (f Format) Start() prompt.Think {
	if f.Calls && f.Think.Start == "" {
		return prompt.Think{Start: prompt.CallStart}
	}
	return f.Think
}

// ForcesCall reports whether an answer that begins so is a function call.
func ForcesCall(start prompt.Think) bool { return start.Start == prompt.CallStart }

// Stops adds the end of a call to the stop strings of an answer that is one.
func Stops(stops []string, start prompt.Think) []string {
	if ForcesCall(start) {
		return append(slices.Clip(stops), prompt.CallEnd)
	}
	return stops
}

// Kept returns what an answer leaves in the conversation: the answer without thoughts, or a function call in its fences. An answer
// that was cut, by a limit or by the user, before there was anything to keep reports that in cut.
func Kept(start prompt.Think, said string, unfinished bool) (answer string, cut bool) {
	if !ForcesCall(start) {
		answer, thinking := start.Answer(said)
		return answer, answer == "" && (thinking || start.Start != "")
	}
	if _, err := prompt.Call(said); err != nil && unfinished {
		return "", true
	}
	return strings.TrimSpace(prompt.CallStart) + "\n" + strings.TrimSpace(said) + prompt.CallEnd, false
}

// CheckCall returns what is wrong with the function call in an answer, or nil. An answer that may be in words is taken for a call
// only if a fence begins it.
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

// Lacking returns the end of a separator that a text does not end with already.
func Lacking(text, separator string) string {
	for n := len(separator); n > 0; n-- {
		if strings.HasSuffix(text, separator[:n]) {
			return separator[n:]
		}
	}
	return separator
}
