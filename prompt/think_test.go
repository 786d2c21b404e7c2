package prompt_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestTheTagOfThoughtsIsLeftOpenForTheModelToClose(t *testing.T) {
	world := tokenizer.World()
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	for _, name := range []string{"on", "fast", "low", "high"} {
		think, err := prompt.ParseThink(name)
		require.NoError(t, err)
		tokens, err := world.Encode([]byte(g1.Ask("Hi", think)))
		require.NoError(t, err)
		assert.EqualValues(t, 35762, tokens[len(tokens)-1], name) // "think"
	}
	joined, err := world.Encode([]byte("<think></think"))
	require.NoError(t, err)
	assert.Contains(t, joined, tokenizer.Token(5439), `"></" is one token, which a prompt that ends with ">" would keep from the model`)
}
