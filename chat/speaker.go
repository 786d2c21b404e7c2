package chat

import (
	"strings"

	"github.com/gosling-rwkv/gosling/prompt"
)

// SpeaksAsUser returns the name with which an answer goes on as the user, such as "User:", or an empty string. Then the stop strings
// were not right for the model. It knows the names of all templates.
func (f Format) SpeaksAsUser(said string) string {
	if name := strings.TrimSpace(f.User); name != "" && strings.Contains(said, "\n"+name) {
		return name
	}
	for _, t := range prompt.Templates() {
		if name := strings.TrimSpace(t.User); strings.HasSuffix(name, ":") && strings.Contains(said, "\n\n"+name) || strings.HasPrefix(name, "<|") && strings.Contains(said, name) {
			return name
		}
	}
	return ""
}
