// Package excerpt shortens values of files for error messages. A file may hold values of any length and depth. A message shows the beginning
// of a long value, and only the type of a value that may hold others.
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

// The lengths that are shown: of a text, in bytes; of a list, in elements; of a line of a message, in bytes; and of a message, in
// lines.
const (
	textLen = 80
	listLen = 8
	lineLen = 1000
	lineMax = 100
)

// Of shows a value in one line of at most some 400 bytes. Texts are quoted. Values that hold values of any type are never
// walked through: they may be nested without end.
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

// text quotes a text, the beginning of a long one.
func text(s string) string {
	if len(s) <= textLen {
		return strconv.Quote(s)
	}
	return strconv.Quote(Cut(s, textLen)) + "..."
}

// list shows the first elements of a list, and how many there are of each that is longer.
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

// Lines cuts the long lines of a message, and all after the first hundred.
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

// looking are the operations of a path error that only looked at a file, on Unix and on Windows.
var looking = []string{"open", "stat", "lstat", "CreateFile", "GetFileAttributesEx", "FindFirstFile"}

// Message is an error in words, none of its lines longer than a few of a terminal. Of a file, its name says enough.
func Message(err error) string {
	text := Lines(strings.TrimRight(err.Error(), "\n"))
	var file *os.PathError
	if errors.As(err, &file) && slices.Contains(looking, file.Op) {
		text = strings.Replace(text, file.Op+" "+file.Path, file.Path, 1)
	}
	return text
}

// Error is err with its message cut as Lines does. It wraps err. Packages that read JSON put a value of any length into their errors.
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

// Cut returns at most the first n bytes of a text, without a character that would be cut.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
