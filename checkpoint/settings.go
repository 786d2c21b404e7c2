package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Settings are what a configuration beside the tensors says about the model. A missing setting is 0.
type Settings struct {
	Embed, Layers, Vocab, HeadSize int
	NormEps                        float64 // epsilon of the layer norms; flash-linear-attention's norm after the recurrence depends on it too
	HeadDivisor                    float64 // divides the heads of versions 5 and 6 before the norm after the recurrence
	Tied                           bool    // the head is the embedding
}

// Keys lists the known settings of a configuration in JSON. An unknown setting that is on is an error, since it may change what a model
// computes.
type Keys[T any] struct {
	Read     map[string]func(to *T, value any) error // reads the settings that matter; the error says which values are allowed
	Harmless []string                                // settings that change nothing
	Unknown  string                                  // text about what is wrong with any other setting that is on
}

// Parse reads a configuration. Errors name the setting and its value.
func (k Keys[T]) Parse(data []byte, to *T) error {
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return excerpt.Error(err)
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		value := all[key]
		var err error
		if read, ok := k.Read[key]; ok {
			err = read(to, value)
		} else if !slices.Contains(k.Harmless, key) && !off(value) {
			err = errors.New(k.Unknown)
		}
		if err != nil {
			return fmt.Errorf("%s is %s: %w", excerpt.Of(key), written(value), err)
		}
	}
	return nil
}

// off reports whether a setting is one that nothing uses: null, false or empty.
func off(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// written is a value as JSON, cut to a readable length.
func written(value any) string {
	const most = 60
	text, err := json.Marshal(value)
	if err != nil {
		return excerpt.Of(value)
	}
	if runes := []rune(string(text)); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(text)
}

// ReadInt stores a whole number that is not negative in to. null leaves to unchanged. Any other value is an error.
func ReadInt(value any, to *int) error {
	n, ok := value.(float64)
	switch {
	case value == nil:
		return nil
	case !ok || n < 0 || n > math.MaxInt32 || n != math.Trunc(n):
		return errors.New("want a whole number")
	}
	*to = int(n)
	return nil
}

// ReadNumber stores a positive number in to. null leaves to unchanged. Any other value is an error.
func ReadNumber(value any, to *float64) error {
	n, ok := value.(float64)
	switch {
	case value == nil:
		return nil
	case !ok || n <= 0:
		return errors.New("want a positive number")
	}
	*to = n
	return nil
}

// ReadBool stores true or false in to. null leaves to unchanged. Any other value is an error.
func ReadBool(value any, to *bool) error {
	on, ok := value.(bool)
	switch {
	case value == nil:
		return nil
	case !ok:
		return errors.New("want true or false")
	}
	*to = on
	return nil
}
