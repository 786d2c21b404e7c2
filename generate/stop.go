package generate

import (
	"bytes"
	"strings"
)

// find returns where in text the first of the stop strings begins, -1 if there is none.
func find(text []byte, stops []string) int {
	first := -1
	for _, stop := range stops {
		if stop == "" {
			continue
		}
		if at := bytes.Index(text, []byte(stop)); at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// held returns the length of the longest end of text that a stop string may begin with.
func held(text []byte, stops []string) int {
	longest := 0
	for _, stop := range stops {
		for n := min(len(stop)-1, len(text)); n > longest; n-- {
			if strings.HasPrefix(stop, string(text[len(text)-n:])) {
				longest = n
			}
		}
	}
	return longest
}
