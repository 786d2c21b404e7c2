package engine

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// quoteTo writes a value as the verb %q writes it, but in pieces: a value of a file's metadata may be as large as its header, and
// quoted it takes four times as much. Errors are those of w.
func quoteTo(w io.Writer, value any) error {
	switch v := value.(type) {
	case string:
		return quoteText(w, v)
	case []uint8:
		return quoteText(w, v)
	}
	list := reflect.ValueOf(value)
	if list.Kind() != reflect.Slice {
		_, err := fmt.Fprintf(w, "%q", value)
		return err
	}
	before := "["
	for i := range list.Len() {
		if _, err := io.WriteString(w, before); err != nil {
			return err
		}
		if err := quoteTo(w, list.Index(i).Interface()); err != nil {
			return err
		}
		before = " "
	}
	if list.Len() > 0 {
		before = ""
	}
	_, err := io.WriteString(w, before+"]")
	return err
}

// quoteText quotes a text piece by piece, none of which ends within a character.
func quoteText[T string | []byte](w io.Writer, text T) error {
	const most = 64 << 10
	end := []byte{'"'}
	var buf []byte
	_, err := w.Write(end)
	for len(text) > 0 && err == nil {
		n := min(len(text), most)
		for back := range utf8.UTFMax {
			if n == len(text) || utf8.RuneStart(text[n-back]) {
				n -= back
				break
			}
		}
		buf = strconv.AppendQuote(buf[:0], string(text[:n]))
		_, err = w.Write(buf[1 : len(buf)-1])
		text = text[n:]
	}
	if err == nil {
		_, err = w.Write(end)
	}
	return err
}
