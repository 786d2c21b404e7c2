package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/prompt"
)

// Role is who wrote a message.
type Role string

// The roles, as HTTP interfaces name them.
const (
	System    Role = "system"
	Developer Role = "developer" // the same as System
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool" // the result of a function call
)

// Message is one message of a conversation.
type Message struct {
	Role     Role
	Text     string
	Thoughts string // of an assistant's message; they are for people, and no prompt has them
}

// Prompt returns the prompt for the next answer. System messages at the front are joined with the format's own system prompt. A
// later one becomes a turn of its own. Consecutive messages of the same role are joined with a line end. If the last message is
// the assistant's, the model continues it. Texts are cleaned, so none of them can forge a turn. Thoughts are removed from earlier
// answers. An unknown role is an error, and so is a list without a message to answer.
func (f Format) Prompt(messages []Message) (string, error) {
	system, rest, err := joinedMessages(messages)
	if err != nil {
		return "", err
	}
	if len(rest) == 0 {
		return "", errors.New("no message to answer")
	}
	var b strings.Builder
	b.WriteString(f.Open(strings.TrimSpace(system + "\n" + f.System)))
	for i, m := range rest {
		last := i == len(rest)-1
		switch m.Role {
		case System:
			b.WriteString(f.SystemTurn(m.Text))
		case Assistant:
			answer, _ := prompt.Think{}.Answer(m.Text)
			b.WriteString(f.Assistant + f.Said(answer))
			if last {
				return b.String(), nil
			}
			b.WriteString(f.Separator)
		default:
			b.WriteString(f.User + prompt.Clean(m.Text))
			if last {
				b.WriteString(f.Start().Request)
			}
			b.WriteString(f.Separator)
		}
	}
	b.WriteString(f.Assistant + f.Start().Start)
	return b.String(), nil
}

// joinedMessages separates the system messages at the front from the rest, and joins consecutive messages of the same role. A
// tool's message becomes a user message and is never joined.
func joinedMessages(messages []Message) (system string, rest []Message, err error) {
	var tool bool // the last message in rest came from a tool
	for i, m := range messages {
		if !slices.Contains([]Role{System, Developer, User, Assistant, Tool}, m.Role) {
			return "", nil, fmt.Errorf("message %d: role %q: want system, developer, user, assistant or tool", i+1, m.Role)
		}
		isTool := m.Role == Tool
		switch {
		case m.Role == Developer:
			m.Role = System
		case isTool:
			m = Message{Role: User, Text: prompt.Result(m.Text)}
		}
		switch last := len(rest) - 1; {
		case m.Role == System && last < 0:
			system = strings.TrimSpace(system + "\n" + m.Text)
		case last >= 0 && rest[last].Role == m.Role && !tool && !isTool:
			rest[last].Text += "\n" + m.Text
		default:
			rest = append(rest, m)
		}
		tool = isTool
	}
	return system, rest, nil
}
