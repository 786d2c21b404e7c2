package cmdline_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/cmdline"
)

// app returns a program with some flags of each kind.
func app() *urfave.App {
	return &urfave.App{
		Name:  "gosling",
		Flags: []urfave.Flag{&urfave.BoolFlag{Name: "version"}, urfave.HelpFlag},
		Commands: []*urfave.Command{
			{Name: "run", ArgsUsage: "MODEL [PROMPT|-]", Flags: []urfave.Flag{
				&urfave.BoolFlag{Name: "ids"}, &urfave.BoolFlag{Name: "verbose"}, &urfave.PathFlag{Name: "ggml"}, &urfave.StringSliceFlag{Name: "stop"},
				&urfave.Float64Flag{Name: "temp"}, &urfave.IntFlag{Name: "n-predict", Aliases: []string{"n"}}, &urfave.Int64Flag{Name: "seed"},
				&urfave.IntFlag{Name: "gpu-layers", Aliases: []string{"ngl"}},
			}},
			{Name: "convert", Flags: []urfave.Flag{&urfave.StringFlag{Name: "type"}}},
			{Name: "bench", ArgsUsage: "MODEL...", Flags: []urfave.Flag{&urfave.StringFlag{Name: "n-prompt", Aliases: []string{"p"}}}},
			{Name: "detokenize"}, {Name: "eval"}, {Name: "help"}, {Name: "chat", ArgsUsage: "MODEL"}, {Name: "quantize"}, {Name: cmdline.CompleteName, Hidden: true},
		},
	}
}

func ExampleArrange() {
	args, err := cmdline.Arrange(app(), []string{"gosling", "run", "m.gguf", "--temp", "0", "A goose"})
	fmt.Printf("%q %v\n", args, err)
	// Output: ["gosling" "run" "--temp" "0" "--" "m.gguf" "A goose"] <nil>
}

func TestArrange(t *testing.T) {
	for name, tc := range map[string]struct{ args, want []string }{
		"flags behind arguments":              {[]string{"run", "m", "text", "--temp", "0"}, []string{"run", "--temp", "0", "--", "m", "text"}},
		"flags between arguments":             {[]string{"run", "m", "--temp=0", "text"}, []string{"run", "--temp=0", "--", "m", "text"}},
		"flags before the command":            {[]string{"--verbose", "--ggml", "dir", "run", "m"}, []string{"run", "--verbose", "--ggml", "dir", "--", "m"}},
		"flags without a value":               {[]string{"run", "--ids", "m", "text"}, []string{"run", "--ids", "--", "m", "text"}},
		"negative numbers as values":          {[]string{"run", "m", "-n", "-1", "--seed", "-1"}, []string{"run", "-n", "-1", "--seed", "-1", "--", "m"}},
		"a value that looks like a flag":      {[]string{"run", "m", "--stop", "--temp"}, []string{"run", "--stop", "--temp", "--", "m"}},
		"a long flag with one dash":           {[]string{"run", "m", "-ngl", "3"}, []string{"run", "-ngl", "3", "--", "m"}},
		"a lone dash":                         {[]string{"run", "m", "-", "-n", "3"}, []string{"run", "-n", "3", "--", "m", "-"}},
		"a text that starts with a dash":      {[]string{"run", "m", "- one\n- two"}, []string{"run", "--", "m", "- one\n- two"}},
		"negative numbers as arguments":       {[]string{"detokenize", "-5"}, []string{"detokenize", "--", "-5"}},
		"only arguments behind two dashes":    {[]string{"run", "m", "-n", "3", "--", "--temp"}, []string{"run", "-n", "3", "--", "m", "--temp"}},
		"help as a command":                   {[]string{"help", "run"}, []string{"run", "--help"}},
		"help with a topic":                   {[]string{"help", "eval", "lambada"}, []string{"eval", "--help"}},
		"help after an argument":              {[]string{"run", "demo", "--help"}, []string{"run", "--help"}},
		"help among flags that are wrong":     {[]string{"run", "demo", "-h", "--tepm"}, []string{"run", "--help"}},
		"no command":                          {[]string{"--version"}, []string{"--version"}},
		"an empty argument":                   {[]string{"run", "m", ""}, []string{"run", "--", "m", ""}},
		"llama.cpp's model and prompt":        {[]string{"run", "-n", "5", "-p", "a b", "-m", "m"}, []string{"run", "-n", "5", "--", "m", "a b"}},
		"its long flags":                      {[]string{"run", "--prompt=a", "--model", "m"}, []string{"run", "--", "m", "a"}},
		"its model and an argument":           {[]string{"run", "-m", "m", "a"}, []string{"run", "--", "m", "a"}},
		"its prompt, without a command":       {[]string{"-m", "m", "-p", "a", "-n", "5"}, []string{"run", "-n", "5", "--", "m", "a"}},
		"its model, without a command":        {[]string{"-m", "m"}, []string{"chat", "--", "m"}},
		"a flag of the command's own":         {[]string{"bench", "-m", "a", "-m", "b", "-p", "512"}, []string{"bench", "-p", "512", "--", "a", "b"}},
		"a value with blanks behind an equal": {[]string{"run", "--stop=a b", "m"}, []string{"run", "--stop=a b", "--", "m"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := cmdline.Arrange(app(), append([]string{"gosling"}, tc.args...))
			require.NoError(t, err)
			assert.Equal(t, append([]string{"gosling"}, tc.want...), got)
		})
	}
}

func TestWrongCommandLines(t *testing.T) {
	for name, tc := range map[string]struct {
		args            []string
		command, reason string
	}{
		"an unknown flag":                {[]string{"run", "--tepm", "0"}, "gosling run", "unknown flag --tepm: did you mean --temp?"},
		"a flag of another command":      {[]string{"run", "--type", "F16"}, "gosling run", "unknown flag --type"},
		"an unknown flag and no command": {[]string{"--vers"}, "gosling", "unknown flag --vers: did you mean --version?"},
		"a flag without its value":       {[]string{"run", "m", "-n"}, "gosling run", "-n needs a value"},
		"no command and no value":        {[]string{"--temp"}, "gosling", "--temp needs a value"},
		"a misspelt command":             {[]string{"rnu"}, "gosling", `unknown command "rnu": did you mean run?`},
		"a word cut short":               {[]string{"conv"}, "gosling", `unknown command "conv": did you mean convert?`},
		"another letter":                 {[]string{"quantise"}, "gosling", `unknown command "quantise": did you mean quantize?`},
		"a word that is nothing":         {[]string{"xyzzy"}, "gosling", `unknown command "xyzzy"`},
		"a letter":                       {[]string{"r"}, "gosling", `unknown command "r"`},
		"an empty word":                  {[]string{""}, "gosling", `unknown command ""`},
		"a hidden command's beginning":   {[]string{"__comp"}, "gosling", `unknown command "__comp"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cmdline.Arrange(app(), append([]string{"gosling"}, tc.args...))
			var usage *cmdline.UsageError
			require.ErrorAs(t, err, &usage)
			assert.Equal(t, cmdline.UsageError{Command: tc.command, Reason: tc.reason}, *usage)
			assert.EqualError(t, err, tc.reason)
		})
	}
}

func TestGivenFlagsAreArgumentsAgain(t *testing.T) {
	a := app()
	var got []string
	a.Commands[0].Action = func(c *urfave.Context) error {
		got = cmdline.Given(c, "temp", "ids", "n-predict", "ggml", "seed")
		return nil
	}
	require.NoError(t, a.Run([]string{"gosling", "run", "--ids", "-n", "3", "--ggml", "a b", "--temp", "0.5"}))
	assert.Equal(t, []string{"--temp=0.5", "--ids=true", "--n-predict=3", "--ggml=a b"}, got)
}

func TestReason(t *testing.T) {
	for text, want := range map[string]string{
		`invalid value "x" for flag -n: parse error`:     `invalid value "x" for -n: want a number`,
		`invalid value "x" for flag -temp: parse error`:  `invalid value "x" for --temp: want a number`,
		`invalid value "x" for flag -temp: out of range`: `invalid value "x" for --temp: out of range`,
		`flag provided but not defined: -x`:              `flag provided but not defined: -x`,
	} {
		assert.Equal(t, want, cmdline.Reason(errors.New(text)))
	}
}
