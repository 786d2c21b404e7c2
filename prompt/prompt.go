// Package prompt writes conversations as RWKV models were trained to read them, and finds the stop strings in their answers.
//
// Templates lists the formats. For finds the one of a model. A prompt ends right after the assistant's name, without a space: the model
// generates the space. Turns are separated by an empty line, so no turn may contain one (see Clean).
//
// Limits: text only.
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

// Template is a format of prompts.
type Template struct {
	Name, About string
	// Opening stands at the start of every prompt, OpeningInput in its place if there is an input.
	Opening, OpeningInput string
	// System, User and Input stand right before what each of them says. A template without System puts the system's text
	// there bare, one without Input takes none.
	System, User, Input string
	// Assistant ends a prompt. The model answers right behind it.
	Assistant string
	// Separator ends every turn.
	Separator string
	// Verbatim takes the prompt as it stands, behind the opening: no turns, and nothing is cleaned.
	Verbatim bool
	// Chat tells that a conversation may have several turns, Thinks that models of this format know a Think.
	Chat, Thinks bool
	// First are the tokens in front of a prompt, End those that end an answer besides the tokenizer's own.
	First, End []int32
	// Stops are the strings that end an answer.
	Stops []string
	// Sampling is how answers are drawn.
	Sampling Sampling
}

// Render returns the prompt for a conversation from its start. It ends where the model is to go on if the last answer is empty,
// or else behind that answer's separator. Texts are cleaned, and answers keep no thoughts.
func (t Template) Render(system string, turns []Turn, think Think) string {
	var out strings.Builder
	out.WriteString(t.Open(system))
	for i, turn := range turns {
		if turn.Assistant == "" && i == len(turns)-1 {
			out.WriteString(t.Ask(turn.User, think))
			continue
		}
		out.WriteString(t.Ask(turn.User, Think{}))
		if answer, _ := withoutThoughts(turn.Assistant); answer != "" {
			out.WriteString(t.Said(answer))
		}
		out.WriteString(t.Separator)
	}
	return out.String()
}

// Said puts the space in front of an answer that a model begins with where no line end stands there.
func (t Template) Said(answer string) string {
	if strings.HasSuffix(t.Assistant, "\n") {
		return answer
	}
	return " " + answer
}

// Open returns the start of a conversation: the opening, and the system's turn unless it is empty.
func (t Template) Open(system string) string { return t.Opening + t.SystemTurn(system) }

// SystemTurn returns what the system says, empty if that is nothing.
func (t Template) SystemTurn(text string) string {
	if text = Clean(text); text == "" {
		return ""
	}
	return t.System + text + t.Separator
}

// Ask returns a user's turn and the start of the answer, for a conversation that goes on from what the model already read.
func (t Template) Ask(user string, think Think) string {
	return t.User + Clean(user) + think.Request + t.Separator + t.Assistant + think.Start
}

// Answered returns a whole turn, for a conversation that goes on: the question, and its answer without thoughts.
func (t Template) Answered(user, answer string) string {
	return t.Ask(user, Think{}) + t.Said(Clean(answer)) + t.Separator
}

// Task returns the prompt for an instruction and what it is about, which may be empty and is for templates with an Input.
// The instruction stands first, as models were trained.
func (t Template) Task(system, instruction, input string, think Think) string {
	if t.Verbatim {
		return t.Opening + instruction
	}
	if input = Clean(input); input == "" {
		return t.Open(system) + t.Ask(instruction, think)
	}
	opening := t.Opening
	if t.OpeningInput != "" {
		opening = t.OpeningInput
	}
	return opening + t.SystemTurn(system) + t.User + Clean(instruction) + t.Separator + t.Input + input + t.Separator + t.Assistant
}

// LooksSwapped reports whether instruction and input seem to stand in each other's place: models do worse then. It goes by
// length and by marks of a task, so it is a reason to warn and nothing more.
func LooksSwapped(instruction, input string) bool {
	instruction, input = Clean(instruction), Clean(input)
	if strings.HasPrefix(strings.ToLower(instruction), "input:") {
		return true
	}
	return input != "" && isTask(input) && !isTask(instruction)
}

// isTask reports whether a text is like something to be done: one short line that asks or begins with a word that orders.
func isTask(text string) bool {
	if len(text) > 200 || strings.Contains(text, "\n") {
		return false
	}
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, ":") || strings.HasSuffix(text, "？") {
		return true
	}
	first, _, _ := strings.Cut(strings.ToLower(text), " ")
	return strings.Contains(orders, " "+strings.TrimRight(first, ".!,")+" ")
}

const orders = " analyze answer classify complete correct describe explain extract find fix generate give identify list name please" +
	" read rewrite say summarise summarize tell translate what which who why how write "
