package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// isByID reports whether data is an object in JSON whose first name is a number: a vocabulary by ids.
func isByID(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	t, err := d.Token()
	name, _ := t.(string)
	_, notID := strconv.ParseUint(name, 10, 32)
	return err == nil && notID == nil
}

// parseByID reads a vocabulary as web-rwkv writes it: an object of ids, each with its token as a string or, where that is not
// UTF-8, as a list of bytes. It is what ParseVocab reads, in another form.
func parseByID(data []byte) (*Vocab, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var b table
	seen := map[string]Token{}
	for d.More() {
		id, text, err := nextByID(d)
		if err == nil {
			err = addByID(&b, seen, id, text)
		}
		if err != nil {
			return nil, fmt.Errorf("at byte %d: %w", d.InputOffset(), err)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", d.InputOffset(), err)
	}
	if !b.has(EndOfText) {
		b.put(EndOfText, endOfTextName, control)
	}
	return b.vocab()
}

func addByID(b *table, seen map[string]Token, id Token, text string) error {
	if b.has(id) {
		return fmt.Errorf("id %d is there twice", id)
	}
	if first, twice := seen[text]; twice {
		return fmt.Errorf("the token %s has the ids %d and %d", excerpt.Of(text), first, id)
	}
	seen[text] = id
	b.put(id, text, normal)
	return nil
}

// nextByID reads an id and its token.
func nextByID(d *json.Decoder) (Token, string, error) {
	t, err := d.Token()
	if err != nil {
		return 0, "", err
	}
	name, _ := t.(string)
	id, err := strconv.ParseUint(name, 10, 32)
	if err != nil || id >= MaxRows {
		return 0, "", fmt.Errorf("id %s is not a number from 0 to %d", excerpt.Of(name), MaxRows-1)
	}
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return 0, "", err
	}
	text, err := textByID(value)
	if err == nil && (text == "" || len(text) > MaxTokenBytes) {
		err = fmt.Errorf("has %d bytes, want 1 to %d", len(text), MaxTokenBytes)
	}
	if err != nil {
		return 0, "", fmt.Errorf("token %d: %w", id, err)
	}
	return Token(id), text, nil
}

// textByID is the bytes of a token.
func textByID(value json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text, nil
	}
	var list []uint16 // of uint8 Go reads base64
	if err := json.Unmarshal(value, &list); err != nil {
		return "", errors.New("want a string or a list of bytes")
	}
	data := make([]byte, len(list))
	for i, v := range list {
		if v > 0xff {
			return "", fmt.Errorf("%d is not a byte", v)
		}
		data[i] = byte(v)
	}
	return string(data), nil
}
