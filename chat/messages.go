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

// ParseRole returns the role with this name.
func ParseRole(name string) (Role, error) {
	if !slices.Contains([]Role{System, Developer, User, Assistant, Tool}, Role(name)) {
		return "", fmt.Errorf("role %q: want system, developer, user, assistant or tool", name)
	}
	return Role(name), nil
}

// Message is one message of a conversation.
type Message struct {
	Role     Role
	Text     string
	Thoughts string // of an assistant's message; they are for people, and no prompt has them
}

// Next is what the model does after the last message.
type Next int

// What the model may do.
const (
	Continue Next = iota // if the last message is the assistant's, the model continues it; otherwise it answers
	Reply                // the model begins an answer, even if the last message is the assistant's
)

// joinedMessages separates the system messages at the front from the rest, and joins consecutive messages of the same role. A tool's
// messages become what a user's turn tells of them, and are never joined.
func joinedMessages(messages []Message) (system string, rest []Message, err error) {
	var front strings.Builder
	var joined []*strings.Builder // texts of rest, so that many messages of one role take linear time
	for i, m := range messages {
		if _, err := ParseRole(string(m.Role)); err != nil {
			return "", nil, fmt.Errorf("message %d: %w", i+1, err)
		}
		switch m.Role {
		case Developer:
			m.Role = System
		case Tool:
			m.Text = prompt.Result(m.Text)
		}
		switch last := len(rest) - 1; {
		case m.Role == System && last < 0:
			front.WriteString(m.Text + "\n")
		case last >= 0 && rest[last].Role == m.Role && m.Role != Tool:
			joined[last].WriteString("\n" + m.Text)
		default:
			rest, joined = append(rest, m), append(joined, &strings.Builder{})
			joined[last+1].WriteString(m.Text)
		}
	}
	for i := range rest {
		rest[i].Text = joined[i].String()
	}
	if system = strings.TrimSpace(front.String()); system == "" && len(rest) == 0 {
		return "", nil, errors.New("no message to answer")
	}
	return system, rest, nil
}
