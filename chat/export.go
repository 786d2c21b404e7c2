package chat

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes messages for people, each under a heading with its role. Thoughts are folded.
func WriteMarkdown(w io.Writer, messages []Message) error {
	var all strings.Builder
	for i, m := range messages {
		if i > 0 {
			all.WriteString("\n")
		}
		fmt.Fprintf(&all, "## %s\n\n", strings.ToUpper(string(m.Role[:1]))+string(m.Role[1:]))
		if m.Thoughts != "" {
			fmt.Fprintf(&all, "<details><summary>Thoughts</summary>\n\n%s\n\n</details>\n\n", m.Thoughts)
		}
		fmt.Fprintf(&all, "%s\n", strings.TrimSpace(m.Text))
	}
	_, err := io.WriteString(w, all.String())
	return err
}

// exported is a message as OpenAI's interface and its users' programs name the fields.
type exported struct {
	Role     Role   `json:"role"`
	Text     string `json:"content"`
	Thoughts string `json:"reasoning_content,omitempty"`
}

// WriteJSON writes messages as a list of objects with the fields role, content and reasoning_content, which has the thoughts.
func WriteJSON(w io.Writer, messages []Message) error {
	list := make([]exported, len(messages))
	for i, m := range messages {
		list[i] = exported(m)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(list)
}
