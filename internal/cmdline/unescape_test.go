package cmdline_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/cmdline"
)

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		`User: Hi\n\nAssistant:`: "User: Hi\n\nAssistant:",
		`\t\r\\n\"\'`:            "\t\r\\n\"'",
		`\x41\xe4\xb8`:           "A\xe4\xb8",
		`\xzz \x4 \x`:            `\xzz \x4 \x`,
		`C:\dir\`:                `C:\dir\`,
		"plain":                  "plain",
		"":                       "",
	} {
		assert.Equal(t, want, cmdline.Unescape(in), "%s", in)
	}
}
