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

// Tools are functions that a model may call.
type Tools struct {
	List string // in the form that G1 models were trained on
	From string // names the form that the list was converted from; empty if it was in G1's
	Each []Tool
}

// Tool is one function.
type Tool struct {
	Name   string
	Schema json.RawMessage // of its arguments; nil if it is not known. In a list of G1's form it is a guess
	Place  string          // where the schema is, such as "tools[0].function.parameters"
}

// ParseTools reads a list of functions. The list is in a form that G1 models were trained on: a JSON array of objects with name,
// description and arguments, or lines such as "- name(arg: type, opt?: "a" | "b")". ParseTools also converts the lists of other
// programs: OpenAI's [{"type": "function", "function": {...}}], with or without the inner object, Anthropic's and MCP's.
func ParseTools(list string) (t Tools, err error) {
	list = Clean(list)
	switch {
	case list == "":
		err = errors.New("the list has no tools: want a JSON array of them, or one tool per line")
	case list[0] == '[' || list[0] == '{':
		return jsonTools(list)
	default:
		t.List = list
		t.Each, err = toolLines(list)
	}
	return t, err
}

// The sentences behind a list of functions. G1 models were trained on the first one.
const (
	onlyCall = "Return only a JSON function call."
	mayCall  = "If a function is needed, return only a JSON function call. If not, answer in words."
)

// System returns the system text that offers the functions. free tells the model that it may also answer in words.
func (t Tools) System(free bool) string {
	sentence := onlyCall
	if free {
		sentence = mayCall
	}
	return "Tools:\n" + t.List + "\n" + sentence
}

// toolLine matches a function on a line of its own. More text may follow it.
var toolLine = regexp.MustCompile(`^- ([^\s()]+)\(.*\)`)

func toolLines(list string) (each []Tool, err error) {
	for line := range strings.SplitSeq(list, "\n") {
		m := toolLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf(`line %d is %.40q: want - name(arg: type, opt?: "a" | "b"), or a JSON array of tools`, len(each)+1, line)
		}
		each = append(each, Tool{Name: m[1]})
	}
	return each, nil
}

// tool is a function in G1's form.
type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Arguments   json.RawMessage `json:"arguments"` // by name

	schema json.RawMessage // of all arguments
	place  string          // of the schema
}

// jsonTools checks a JSON array of tools. If any tool is in another form than G1's, it rewrites all of them, one per line.
func jsonTools(list string) (all Tools, err error) {
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(list), &items); err != nil {
		return all, fmt.Errorf(`not a JSON array of tools, such as [{"name": "f", "description": "does it", "arguments": {"x": {"type": "string"}}}]: %w`, excerpt.Error(err))
	}
	if len(items) == 0 {
		return all, errors.New("the list of tools is empty")
	}
	var tools []tool
	names := map[string]bool{}
	for i, item := range items {
		t, form, err := readTool(item)
		if err == nil && names[t.Name] {
			err = fmt.Errorf("another tool is also called %s", excerpt.Of(t.Name))
		}
		if err != nil {
			return all, fmt.Errorf("tool %d: %w", i+1, err)
		}
		if form != "" {
			all.From = form
		}
		names[t.Name] = true
		tools = append(tools, t)
		all.Each = append(all.Each, Tool{t.Name, t.schema, fmt.Sprintf("tools[%d].%s", i, t.place)})
	}
	if all.List = list; all.From != "" {
		all.List, err = writeTools(tools)
	}
	return all, err
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
			t.schema, t.place = ofObjects(schema), form.schema
			if nested {
				t.place = "function." + form.schema
			}
		}
	}
	if _, typed := item["type"]; from == "" && (nested || typed) {
		from, t.schema = "OpenAI's", ofObjects(nil) // a function without parameters
	}
	if arguments, ok := item["arguments"]; ok && from == "" {
		t.Arguments, t.schema = arguments, slices.Concat([]byte(`{"properties":`), arguments, []byte("}"))
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

// ofObjects returns the schema of arguments that properties accepted, with the type that it implies.
func ofObjects(schema json.RawMessage) json.RawMessage {
	object, err := fields(schema)
	switch {
	case err != nil: // none, or null
		return json.RawMessage(`{"type":"object","additionalProperties":false}`)
	case object["type"] != nil:
		return schema
	case len(object) == 0:
		return json.RawMessage(`{"type":"object"}`)
	}
	_, rest, _ := strings.Cut(string(schema), "{")
	return json.RawMessage(`{"type":"object",` + rest)
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
