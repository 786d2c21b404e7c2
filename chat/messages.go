package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/prompt"
)

// Role says whose a message is.
type Role string

// The roles, as HTTP interfaces name them.
const (
	System    Role = "system"
	Developer Role = "developer" // the same as System
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool" // the result of a function call
)

// Message is what one side says.
type Message struct {
	Role Role
	Text string
}

// Prompt returns the prompt for the next answer. Messages of the system in front are joined with the format's own system text; a
// later one becomes a turn where it stands. Messages of one role in a row are joined with a line end. An assistant's message at the
// end is gone on with. Texts are cleaned, so none can forge a turn, and earlier answers keep no thoughts.
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

// joinedMessages takes the system's messages in front apart and joins those of one role in a row. What a tool gave is a user's
// message then.
func joinedMessages(messages []Message) (system string, rest []Message, err error) {
	var tool bool // the last one of rest is from a tool
	for i, m := range messages {
		if !slices.Contains([]Role{System, Developer, User, Assistant, Tool}, m.Role) {
			return "", nil, fmt.Errorf("message %d: role %q: want system, developer, user, assistant or tool", i+1, m.Role)
		}
		isTool := m.Role == Tool
		switch {
		case m.Role == Developer:
			m.Role = System
		case isTool:
			m = Message{User, prompt.Result(m.Text)}
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
