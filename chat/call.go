package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/prompt"
)

// Called is a function call.
type Called struct {
	Name      string
	Arguments json.RawMessage
}

// WithCalls returns the text of a message that ends with function calls, behind words if there are some. The calls are between fences, in the
// form that models were trained on. Calls that differ in white space and escapes only have the same text.
func WithCalls(words string, calls ...Called) string {
	var texts []string
	if words != "" {
		texts = []string{words}
	}
	for _, c := range calls {
		texts = append(texts, fenced(`{"name":`+quote(c.Name)+`,"arguments":`+compact(c.Arguments)+"}"))
	}
	return strings.Join(texts, "\n")
}

// fenced returns a call's text between fences.
func fenced(call string) string {
	return strings.TrimSpace(prompt.CallStart) + "\n" + strings.TrimSpace(call) + prompt.CallEnd
}

// quote returns a string, a number, a boolean or nil as JSON.
func quote(value any) string {
	data, err := jsontext.Marshal(value)
	if err != nil {
		panic("chat: internal error: " + err.Error())
	}
	return string(data)
}

// compact returns a JSON value without white space, and its strings without needless escapes. The order of fields stays.
func compact(value json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var b strings.Builder
	writeValue(&b, d)
	return b.String()
}

// writeValue writes the next value. It reports whether there was one.
func writeValue(b *strings.Builder, d *json.Decoder) bool {
	t, err := d.Token()
	if err != nil {
		return false
	}
	open, ok := t.(json.Delim)
	if !ok {
		b.WriteString(quote(t))
		return true
	}
	b.WriteString(open.String())
	for n := 0; d.More(); n++ {
		switch {
		case open == '{' && n%2 == 1:
			b.WriteByte(':')
		case n > 0:
			b.WriteByte(',')
		}
		if !writeValue(b, d) {
			return false
		}
	}
	t, err = d.Token()
	b.WriteString(fmt.Sprint(t))
	return err == nil
}

// ParseCall reads the JSON text of a function call.
func ParseCall(text string) (Called, error) {
	var c struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return Called{}, err
	}
	if c.Name == "" || len(c.Arguments) == 0 {
		return Called{}, errors.New("a function call needs a name and arguments")
	}
	return Called(c), nil
}

// CallReader reads a function call while it is generated.
type CallReader struct {
	head    []byte // what comes before the arguments
	begun   bool   // the arguments
	depth   int    // of brackets in the arguments
	quoted  bool   // in a string
	escaped bool   // behind a backslash
	done    bool   // the arguments are complete
}

// Push takes the next piece of a call. It returns the function's name when the arguments begin, and the pieces of the arguments' text.
func (r *CallReader) Push(piece string) (name, arguments string) {
	if !r.begun {
		r.head = append(r.head, piece...)
		var at int
		if name, at = header(r.head); name == "" {
			return "", ""
		}
		r.begun, piece = true, string(r.head[at:])
	}
	for i := range len(piece) {
		if r.done {
			return name, piece[:i]
		}
		r.take(piece[i])
	}
	return name, piece
}

// header returns the name in the beginning of a call, and where its arguments begin. The name is empty if they have not begun.
func header(text []byte) (name string, at int) {
	d := json.NewDecoder(bytes.NewReader(text))
	var tokens [4]json.Token
	for i := range tokens {
		var err error
		if tokens[i], err = d.Token(); err != nil {
			return "", 0
		}
	}
	name, isText := tokens[2].(string)
	if tokens[0] != json.Delim('{') || tokens[1] != "name" || !isText || tokens[3] != "arguments" {
		return "", 0
	}
	rest := bytes.TrimLeft(text[d.InputOffset():], " \n\t\r:")
	if len(rest) == 0 {
		return "", 0
	}
	return name, len(text) - len(rest)
}

// take follows the brackets of the arguments.
func (r *CallReader) take(c byte) {
	switch {
	case r.escaped:
		r.escaped = false
	case r.quoted:
		r.escaped, r.quoted = c == '\\', c != '"'
	case c == '"':
		r.quoted = true
	case c == '{' || c == '[':
		r.depth++
	case c == '}' || c == ']':
		r.depth--
		r.done = r.depth == 0
	}
}
