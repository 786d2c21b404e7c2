package chat_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/prompt"
)

func TestAnAnswerThatGoesOnAsTheUser(t *testing.T) {
	for name, tc := range map[string]struct{ template, said, want string }{
		"the template's own user":    {"g1", " Hello.\nUser: Hi", "User:"},
		"the user of another one":    {"g1", " Hello.\n\nBob: Hi", "Bob:"},
		"the user of ChatML":         {"qa", " Hello.<|im_start|>user\nHi", "<|im_start|>user"},
		"an answer about users":      {"g1", " The User: a person.", ""},
		"a question in the answer":   {"g1", " Ask this:\nQuestion: why?", ""},
		"an answer of several parts": {"g1", " One.\n\nTwo.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := prompt.Named(tc.template)
			require.NoError(t, err)
			assert.Equal(t, tc.want, chat.Format{Template: template}.SpeaksAsUser(tc.said))
		})
	}
}
