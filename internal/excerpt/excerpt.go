// Package excerpt shortens values from files for error messages. A file may hold values of any length and depth. A message shows
// the start of a long value. It shows only the type of a value that may contain other values.
package excerpt

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The maximum lengths shown: bytes of a text, elements of a list, bytes of a line, and lines of a message.
const (
	textLen = 80
	listLen = 8
	lineLen = 1000
	lineMax = 100
)

// Of returns a value on one line of about 400 bytes at most. It quotes texts. It does not walk through values that may contain
// values of any type, because they may be nested without end.
func Of(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return text(v)
	case []byte:
		return text(string(v[:min(len(v), textLen+1)]))
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Bool, reflect.Float32, reflect.Float64, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprint(v)
	case reflect.String:
		return text(r.String())
	case reflect.Slice, reflect.Array:
		return list(r)
	}
	return fmt.Sprintf("a %T", v)
}

// text quotes a text, or the start of a long one.
func text(s string) string {
	if len(s) <= textLen {
		return strconv.Quote(s)
	}
	return strconv.Quote(Cut(s, textLen)) + "..."
}

// list shows the first elements of a list and, if it is longer, its length.
func list(r reflect.Value) string {
	switch r.Type().Elem().Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct, reflect.Pointer, reflect.Interface:
		return fmt.Sprintf("a list of %d", r.Len())
	}
	var b strings.Builder
	for i := range min(r.Len(), listLen) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(Of(r.Index(i).Interface()))
	}
	if r.Len() > listLen {
		fmt.Fprintf(&b, " ... %d in all", r.Len())
	}
	return "[" + b.String() + "]"
}

// Lines shortens the long lines of a message, and drops all lines after the first hundred.
func Lines(message string) string {
	lines := strings.SplitN(message, "\n", lineMax+1)
	if len(lines) > lineMax {
		lines[lineMax] = fmt.Sprintf("... and %d more lines", 1+strings.Count(lines[lineMax], "\n"))
	}
	for i, line := range lines {
		if len(line) > lineLen {
			lines[i] = Cut(line, lineLen) + "..."
		}
	}
	return strings.Join(lines, "\n")
}

// looking lists the operations of path errors that only inspect a file, on Unix and Windows.
var looking = []string{"open", "stat", "lstat", "CreateFile", "GetFileAttributesEx", "FindFirstFile"}

// Message returns an error's message, shortened like Lines. For errors of inspecting a file it leaves out the operation's name.
func Message(err error) string {
	text := Lines(strings.TrimRight(err.Error(), "\n"))
	var file *os.PathError
	if errors.As(err, &file) && slices.Contains(looking, file.Op) {
		text = strings.Replace(text, file.Op+" "+file.Path, file.Path, 1)
	}
	return text
}

// Error returns err with its message shortened like Lines. It wraps err. Packages that read JSON put values of any length into
// their errors.
func Error(err error) error {
	if err == nil {
		return nil
	}
	message := err.Error()
	short := Lines(message)
	if short == message {
		return err
	}
	return &cutError{short, err}
}

type cutError struct {
	message string
	err     error
}

func (e *cutError) Error() string { return e.message }
func (e *cutError) Unwrap() error { return e.err }

// Cut returns at most the first n bytes of a text. It does not split a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
