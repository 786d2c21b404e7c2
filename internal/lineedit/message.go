package lineedit

import "strings"

const quotes = `"""`

// Message returns the message that a typed text stands for. A text that ends with a backslash goes on in the next line. So does a text
// in three quotation marks, until it is closed; the marks are not part of the message. They may also stand around the argument of a
// command, which begins with a slash. If the text is not complete yet, open is true, and the message is the text so far, to which the
// next line is appended.
func Message(text string) (message string, open bool) {
	if before, ok := strings.CutSuffix(text, `\`); ok {
		return before + "\n", true
	}
	command, quoted := "", strings.TrimSpace(text)
	if i := strings.Index(quoted, " "+quotes); strings.HasPrefix(quoted, "/") && i > 0 && !strings.Contains(quoted[:i], "\n") {
		command, quoted = quoted[:i+1], quoted[i+1:]
	}
	rest, ok := strings.CutPrefix(quoted, quotes)
	if !ok {
		return text, false
	}
	inside, after, closed := strings.Cut(rest, quotes)
	if !closed {
		return text + "\n", true
	}
	return command + strings.TrimSuffix(strings.TrimPrefix(inside, "\n"), "\n") + after, false
}
