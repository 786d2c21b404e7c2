// Package prompt writes conversations as RWKV models were trained to read them, and finds the stop strings in what they answer.
//
// A prompt ends right after the assistant's name, with no space behind it: the model begins with the space itself. Turns are
// separated by an empty line, which therefore may not occur inside one (see Clean).
//
// Limits: text only; neither function calls nor the formats of the models from before 2023.
package prompt

import "strings"

// Clean makes a text fit for a user's or a system's turn: CR LF becomes LF, a run of LF becomes one, and the white space at both
// ends goes.
func Clean(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var out strings.Builder
	out.Grow(len(s))
	for i := range len(s) {
		if s[i] != '\n' || i == 0 || s[i-1] != '\n' {
			out.WriteByte(s[i])
		}
	}
	return strings.TrimSpace(out.String())
}

// Turn is a question and its answer. The answer to the last question is not known yet and empty.
type Turn struct {
	User, Assistant string
}

// Template is a chat format.
type Template struct {
	Name string
	// System, User and Assistant stand before what each of them says, without the space between.
	System, User, Assistant string
	// Separator ends every turn.
	Separator string
	// Stops are the strings that end an answer, besides the token tokenizer.EndOfText. The empty line alone is none of them:
	// models that think first, and long answers, have several paragraphs.
	Stops []string
}

// QA returns the format of the World and G1 models: "User: ...", an empty line, "Assistant:".
func QA() Template {
	return Template{
		Name:   "qa",
		System: "System:", User: "User:", Assistant: "Assistant:",
		Separator: "\n\n",
		Stops:     []string{"\n\nUser:", "\n\nSystem:"},
	}
}

// Render returns the prompt for a conversation from its start. An empty system has no turn. It ends where the model is to go on
// if the last answer is empty, or else behind that answer's separator. Texts are cleaned, and answers keep no thoughts.
func (t Template) Render(system string, turns []Turn, think Think) string {
	var out strings.Builder
	out.WriteString(t.Open(system))
	for i, turn := range turns {
		if turn.Assistant == "" && i == len(turns)-1 {
			out.WriteString(t.Ask(turn.User, think))
			continue
		}
		out.WriteString(t.Ask(turn.User, Think{}))
		if answer := withoutThoughts(turn.Assistant); answer != "" {
			out.WriteString(" " + answer)
		}
		out.WriteString(t.Separator)
	}
	return out.String()
}

// Open returns the start of a conversation: the system's turn, or nothing if it is empty.
func (t Template) Open(system string) string {
	if system = Clean(system); system == "" {
		return ""
	}
	return t.System + " " + system + t.Separator
}

// Ask returns a user's turn and the start of the answer, for a conversation that goes on from what the model already read.
func (t Template) Ask(user string, think Think) string {
	return t.User + " " + Clean(user) + think.Request + t.Separator + t.Assistant + think.Start
}
