// Package prompt writes conversations in the formats that RWKV models were trained on, and finds stop strings in the answers.
//
// Templates lists the formats. For picks the format of a model. A prompt ends right after the assistant's name, without a space,
// because the model generates the space. An empty line separates turns, so no turn may contain one (see Clean).
//
// Limits: text only.
package prompt

import "strings"

// Clean prepares a text for a user or system turn. It replaces CR LF by LF and a run of LF by one LF, and trims white space at
// both ends.
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

// Clean is the function Clean for texts of this format. If its turns end with a mark such as <|im_end|>, a space is put into such marks of
// the text. So no text can end its turn.
func (t Template) Clean(s string) string {
	s = Clean(s)
	for _, mark := range t.Marks {
		s = strings.ReplaceAll(s, mark, mark[:2]+" "+mark[2:])
	}
	return s
}

// Turn is a question and its answer. The answer to the last question may be missing.
type Turn struct {
	User, Assistant string
}

// Template is a prompt format.
type Template struct {
	Name, About string
	// Opening starts every prompt. OpeningInput replaces it if there is an input.
	Opening, OpeningInput string
	// System, User and Input stand right before the text of each. A template without System shows the system prompt without a
	// name. A template without Input accepts no input.
	System, User, Input string
	// Assistant ends a prompt. The model answers right after it.
	Assistant string
	// Separator ends every turn.
	Separator string
	// Marks are the texts that begin and end turns, where that is not an empty line. Such a text is one token.
	Marks []string
	// Verbatim puts the prompt after the opening unchanged: there are no turns, and nothing is cleaned.
	Verbatim bool
	// Chat tells that a conversation may have several turns. Thinks tells that models of this format support Think.
	Chat, Thinks bool
	// First are the tokens before a prompt. End are the tokens that end an answer, besides the tokenizer's own.
	First, End []int32
	// Stops are the strings that end an answer.
	Stops []string
	// Sampling is the default sampling for answers.
	Sampling Sampling
}

// Render returns the prompt for a whole conversation. If the last answer is empty, the prompt ends where the model continues.
// Otherwise it ends after that answer's separator. Texts are cleaned, and thoughts are removed from answers.
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

// Said puts a space before an answer, as models do. It adds none where the assistant's name ends with a line end.
func (t Template) Said(answer string) string {
	if strings.HasSuffix(t.Assistant, "\n") {
		return answer
	}
	return " " + answer
}

// Open returns the start of a conversation: the opening, and the system turn if system is not empty.
func (t Template) Open(system string) string { return t.Opening + t.SystemTurn(system) }

// SystemTurn returns a system turn, or an empty string if text is empty.
func (t Template) SystemTurn(text string) string {
	if text = t.Clean(text); text == "" {
		return ""
	}
	return t.System + text + t.Separator
}

// Ask returns a user turn and the start of the answer, for a conversation whose earlier turns the model has already read.
func (t Template) Ask(user string, think Think) string {
	return t.User + t.Clean(user) + think.Request + t.Separator + t.Assistant + think.Start
}

// Answered returns a whole turn for a conversation that continues: the question, and its answer without thoughts.
func (t Template) Answered(user, answer string) string {
	return t.Ask(user, Think{}) + t.Said(t.Clean(answer)) + t.Separator
}

// Task returns the prompt for an instruction and its input. The input may be empty, and needs a template with Input. The
// instruction comes first, as in training.
func (t Template) Task(system, instruction, input string, think Think) string {
	if t.Verbatim {
		return t.Opening + instruction
	}
	if input = t.Clean(input); input == "" {
		return t.Open(system) + t.Ask(instruction, think)
	}
	opening := t.Opening
	if t.OpeningInput != "" {
		opening = t.OpeningInput
	}
	return opening + t.SystemTurn(system) + t.User + t.Clean(instruction) + t.Separator + t.Input + input + t.Separator + t.Assistant
}

// LooksSwapped reports whether instruction and input seem to be swapped, which gives worse answers. It is a guess from the length
// and a few words, good enough for a warning only.
func LooksSwapped(instruction, input string) bool {
	instruction, input = Clean(instruction), Clean(input)
	if strings.HasPrefix(strings.ToLower(instruction), "input:") {
		return true
	}
	return input != "" && isTask(input) && !isTask(instruction)
}

// isTask reports whether a text looks like a task: one short line that is a question, ends with a colon, or begins with a word
// such as "write".
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
