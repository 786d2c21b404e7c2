package cmdline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/cmdline"
)

// choices returns the choices of convert --type and of the first argument of quantize.
func choices(flag string, positional []string) []string {
	if flag == "type" || flag == "" && positional[0] == "quantize" && len(positional) == 1 {
		return []string{"Q4_K_M", "Q8_0"}
	}
	return nil
}

func TestComplete(t *testing.T) {
	for line, want := range map[string]string{
		"":                     "run convert bench detokenize eval help chat quantize",
		"c":                    "convert chat",
		"--":                   "--help --version",
		"run --te":             "--temp",
		"run m.gguf --s":       "--stop --seed",
		"run ":                 "",
		"run --temp ":          "",
		"convert --type ":      "Q4_K_M Q8_0",
		"convert --type q8":    "Q8_0",
		"--type q4":            "Q4_K_M",
		"convert --type=q ":    "",
		"quantize ":            "Q4_K_M Q8_0",
		"quantize m.gguf ":     "",
		"help e":               "eval",
		"help --":              "--help",
		"help run c":           "",
		"unknown --":           "",
		"run --ids --verb":     "--verbose",
		"quantize Q4_K_M --he": "--help",
	} {
		words := strings.Split(line, " ")
		assert.Equal(t, want, strings.Join(cmdline.Complete(app(), words, choices), " "), "%q", line)
	}
	assert.Len(t, cmdline.Complete(app(), nil, choices), 8, "no words are an empty one")
}

func TestTheWordsToCompleteArePassedOn(t *testing.T) {
	got, err := cmdline.Arrange(app(), []string{"gosling", cmdline.CompleteName, "run", "--tepm"})
	require.NoError(t, err)
	assert.Equal(t, []string{"gosling", cmdline.CompleteName, "--", "run", "--tepm"}, got)
}
