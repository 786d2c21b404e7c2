package anthropic

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/gosling-rwkv/gosling/api"
)

// Head is what identifies a message.
type Head struct {
	ID    string // "msg_" and random characters
	Model string
}

// Stop is why a message ended.
type Stop string

// The reasons.
const (
	EndTurn      Stop = "end_turn"
	MaxTokens    Stop = "max_tokens"
	StopSequence Stop = "stop_sequence"
	ToolUse      Stop = "tool_use"
)

// End is how a message ended.
type End struct {
	Stop         Stop
	StopSequence string // of the client's stop strings the one that ended the message
	Usage        api.Usage
	State        *api.StateInfo // optional
}

// Message is the response to a request for a message.
type Message struct {
	Head
	Thoughts  string // none if it is empty, unless there is a Signature
	Signature string // see Sign
	Text      string
	Calls     []Call
	End
}

// Call is a function call.
type Call struct {
	ID    string // "toolu_" and random characters
	Name  string
	Input json.RawMessage // an object
}

// Sign returns the signature of thoughts: their HMAC-SHA-256 with a key that only the server knows.
func Sign(key []byte, thoughts string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(thoughts))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// usage is an api.Usage as JSON. Tokens that were found in the cache do not count as input.
type usage struct {
	Input   int `json:"input_tokens"`
	Created int `json:"cache_creation_input_tokens"`
	Cached  int `json:"cache_read_input_tokens"`
	Output  int `json:"output_tokens"`
}

func newUsage(u api.Usage) usage {
	return usage{Input: u.Prompt - u.Cached, Cached: u.Cached, Output: u.Completion}
}

// The blocks of a message, as JSON.
type (
	textBlock struct {
		Type      string    `json:"type"`
		Text      string    `json:"text"`
		Citations *struct{} `json:"citations"`
	}
	thinkingBlock struct {
		Type      string `json:"type"`
		Thinking  string `json:"thinking"`
		Signature string `json:"signature"`
	}
	toolBlock struct {
		Type  string          `json:"type"`
		ID    string          `json:"id"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	}
)

// envelope is a message as JSON.
type envelope struct {
	ID           string         `json:"id"`
	Type         string         `json:"type"`
	Role         string         `json:"role"`
	Model        string         `json:"model"`
	Content      []any          `json:"content"`
	Stop         *Stop          `json:"stop_reason"`
	StopSequence *string        `json:"stop_sequence"`
	Usage        usage          `json:"usage"`
	State        *api.StateInfo `json:"state,omitempty"`
}

func (h Head) envelope(content []any, u api.Usage) envelope {
	return envelope{ID: h.ID, Type: "message", Role: "assistant", Model: h.Model, Content: content, Usage: newUsage(u)}
}

// sequence returns the stop string as JSON has it.
func (e End) sequence() *string {
	if e.Stop != StopSequence {
		return nil
	}
	return &e.StopSequence
}

// EncodeMessage returns the body of a response.
func EncodeMessage(m Message) []byte {
	content := []any{}
	if m.Thoughts != "" || m.Signature != "" {
		content = append(content, thinkingBlock{"thinking", m.Thoughts, m.Signature})
	}
	if m.Text != "" {
		content = append(content, textBlock{Type: "text", Text: m.Text})
	}
	for _, c := range m.Calls {
		content = append(content, toolBlock{"tool_use", c.ID, c.Name, c.Input})
	}
	e := m.envelope(content, m.Usage)
	e.Stop, e.StopSequence, e.State = &m.Stop, m.sequence(), m.State
	return api.Encode(e)
}

// EncodeCount returns the body of the response to a request that counts tokens.
func EncodeCount(tokens int) []byte {
	return api.Encode(struct {
		Tokens int `json:"input_tokens"`
	}{tokens})
}
