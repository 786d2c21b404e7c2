package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Fence ends a function call. Followed by "json" it begins one.
const Fence = "```"

// CallStart after the assistant's name makes a model call a function. CallEnd ends the call. A JSON string cannot contain a line
// end, so CallEnd never matches a fence inside a string.
const (
	CallStart = " " + Fence + "json"
	CallEnd   = "\n" + Fence
)

// Tools returns the system text that offers functions to a G1 model. The list is in a form that G1 models were trained on: a JSON
// array of objects with name, description and arguments, or lines such as "- name(arg: type, opt?: "a" | "b")". Tools also
// converts the lists of other programs: OpenAI's [{"type": "function", "function": {...}}], with or without the inner object,
// Anthropic's and MCP's. from names the form that was converted.
func Tools(list string) (text, from string, err error) {
	list = Clean(list)
	switch {
	case list == "":
		err = errors.New("the list has no tools: want a JSON array of them, or one tool per line")
	case list[0] == '[' || list[0] == '{':
		list, from, err = jsonTools(list)
	default:
		err = checkToolLines(list)
	}
	if err != nil {
		return "", "", err
	}
	return "Tools:\n" + list + "\nReturn only a JSON function call.", from, nil
}

// toolLine matches a function on a line of its own. More text may follow it.
var toolLine = regexp.MustCompile(`^- [^\s()]+\(.*\)`)

func checkToolLines(list string) error {
	n := 0
	for line := range strings.SplitSeq(list, "\n") {
		if n++; !toolLine.MatchString(line) {
			return fmt.Errorf(`line %d is %.40q: want - name(arg: type, opt?: "a" | "b"), or a JSON array of tools`, n, line)
		}
	}
	return nil
}

// tool is a function in G1's form.
type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Arguments   json.RawMessage `json:"arguments"` // by name
}

// jsonTools checks a JSON array of tools. If any tool is in another form than G1's, it rewrites all of them, one per line.
func jsonTools(list string) (text, from string, err error) {
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(list), &items); err != nil {
		return "", "", fmt.Errorf(`not a JSON array of tools, such as [{"name": "f", "description": "does it", "arguments": {"x": {"type": "string"}}}]: %w`, excerpt.Error(err))
	}
	if len(items) == 0 {
		return "", "", errors.New("the list of tools is empty")
	}
	var tools []tool
	names := map[string]bool{}
	for i, item := range items {
		t, form, err := readTool(item)
		if err == nil && names[t.Name] {
			err = fmt.Errorf("another tool is also called %s", excerpt.Of(t.Name))
		}
		if err != nil {
			return "", "", fmt.Errorf("tool %d: %w", i+1, err)
		}
		if form != "" {
			from = form
		}
		names[t.Name] = true
		tools = append(tools, t)
	}
	if from == "" {
		return list, "", nil
	}
	text, err = writeTools(tools)
	return text, from, err
}

// readTool reads one tool. from names its form if that is not G1's.
func readTool(data json.RawMessage) (t tool, from string, err error) {
	item, err := fields(data)
	if err != nil {
		return t, "", err
	}
	if kind, ok := item["type"]; ok && string(kind) != `"function"` {
		return t, "", fmt.Errorf("its \"type\" is %.40s: want \"function\"", kind)
	}
	inner, nested := item["function"]
	if nested {
		if item, err = fields(inner); err != nil {
			return t, "", fmt.Errorf(`its "function": %w`, err)
		}
	}
	t.Arguments = noArguments
	for _, form := range toolForms {
		if schema, ok := item[form.schema]; ok {
			from = form.name
			if t.Arguments, err = properties(schema); err != nil {
				return t, "", fmt.Errorf("its %q: %w", form.schema, err)
			}
		}
	}
	if _, typed := item["type"]; from == "" && (nested || typed) {
		from = "OpenAI's" // a function without parameters
	}
	if arguments, ok := item["arguments"]; ok && from == "" {
		t.Arguments = arguments
	}
	if from == "" {
		err = onlyOurs(item)
	}
	if err == nil {
		t.Name, err = textField(item, "name")
	}
	if err == nil && strings.TrimSpace(t.Name) == "" {
		err = errors.New(`it has no "name"`)
	}
	if err == nil {
		t.Description, err = textField(item, "description")
	}
	return t, from, err
}

// toolForms are the forms of other programs. Each is known by the field that holds the JSON schema of the arguments.
var toolForms = []struct{ schema, name string }{{"parameters", "OpenAI's"}, {"input_schema", "Anthropic's"}, {"inputSchema", "MCP's"}}

var noArguments = json.RawMessage("{}")

// fields returns the fields of a JSON object.
func fields(data json.RawMessage) (object map[string]json.RawMessage, err error) {
	if json.Unmarshal(data, &object) != nil || object == nil {
		return nil, fmt.Errorf("%.40s is not a JSON object", data)
	}
	return object, nil
}

// onlyOurs rejects fields that G1's form does not have.
func onlyOurs(item map[string]json.RawMessage) error {
	for _, key := range slices.Sorted(maps.Keys(item)) {
		switch key {
		case "name", "description":
		case "arguments":
			if _, err := fields(item[key]); err != nil {
				return fmt.Errorf(`its "arguments": %w`, err)
			}
		default:
			return fmt.Errorf(`unknown field %s: want "name", "description" or "arguments"`, excerpt.Of(key))
		}
	}
	return nil
}

// properties returns the arguments by name from the JSON schema of an object, in the schema's order.
func properties(schema json.RawMessage) (json.RawMessage, error) {
	if string(schema) == "null" {
		return noArguments, nil
	}
	object, err := fields(schema)
	if err != nil {
		return nil, err
	}
	if kind, ok := object["type"]; ok && string(kind) != `"object"` {
		return nil, fmt.Errorf(`a schema of type %.40s, want "object"`, kind)
	}
	list, ok := object["properties"]
	if !ok {
		for _, other := range []string{"$ref", "allOf", "anyOf", "oneOf"} {
			if _, ok := object[other]; ok {
				return nil, fmt.Errorf(`a schema that uses %q: write out its "properties" instead`, other)
			}
		}
		return noArguments, nil
	}
	if _, err := fields(list); err != nil {
		return nil, fmt.Errorf(`"properties": %w`, err)
	}
	return list, nil
}

// textField returns the value of a string field, or "" if the field is missing.
func textField(item map[string]json.RawMessage, name string) (text string, err error) {
	if value, ok := item[name]; ok {
		if json.Unmarshal(value, &text) != nil {
			err = fmt.Errorf("its %q is not a string", name)
		}
	}
	return text, err
}

// writeTools writes tools in the layout of RWKV7-G1x-templates.txt.
func writeTools(tools []tool) (string, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	for i, t := range tools {
		out.WriteString([]string{"[\n", ",\n"}[min(i, 1)])
		if err := e.Encode(t); err != nil {
			return "", err
		}
		out.Truncate(out.Len() - 1) // the encoder's line end
	}
	return out.String() + "\n]", nil
}

// Call returns the function call from what a model generated after CallStart. The text may also begin with the opening fence. The
// error says what is wrong with the call.
func Call(generated string) (string, error) {
	text := strings.TrimPrefix(strings.TrimSpace(generated), strings.TrimSpace(CallStart))
	text, _, _ = strings.Cut(text, CallEnd)
	text = strings.TrimSpace(strings.TrimSuffix(text, Fence))
	var call struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if err := json.Unmarshal([]byte(text), &call); err != nil {
		return text, fmt.Errorf("the answer is not a JSON function call: %w", excerpt.Error(err))
	}
	if call.Name == "" {
		return text, errors.New(`the answer is not a function call: it has no "name"`)
	}
	return text, nil
}

// Result returns the user's text that tells a model the result of its call.
func Result(output string) string { return "Function output:\n" + Clean(output) }
