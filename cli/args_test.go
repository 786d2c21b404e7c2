package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/quant"
)

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
		"a value with blanks behind an equal": {[]string{"run", "--stop=a b", "m"}, []string{"run", "--stop=a b", "--", "m"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := arrange(newApp(nil, io.Discard, io.Discard), append([]string{"gosling"}, tc.args...))
			require.NoError(t, err)
			assert.Equal(t, append([]string{"gosling"}, tc.want...), got)
		})
	}
}

// TestFlagsMeanTheSameEverywhere checks what arrange relies on: a flag takes a value in all commands or in none.
func TestFlagsMeanTheSameEverywhere(t *testing.T) {
	app := newApp(nil, io.Discard, io.Discard)
	takes := valueFlags(app)
	for _, cmd := range app.Commands {
		for _, f := range cmd.Flags {
			value, ok := f.(interface{ TakesValue() bool })
			require.True(t, ok)
			for _, name := range f.Names() {
				assert.Equal(t, takes[name], value.TakesValue(), "%s --%s", cmd.Name, name)
			}
		}
	}
}

func TestHelpOfEveryCommandAfterArguments(t *testing.T) {
	for _, cmd := range newApp(nil, io.Discard, io.Discard).Commands {
		for _, args := range [][]string{{cmd.Name, "some", "thing", "--help"}, {"help", cmd.Name, "some", "thing"}} {
			if cmd.Name == completeName || args[0] == "help" && cmd.Name == "help" {
				continue
			}
			var out, errs strings.Builder
			assert.Zero(t, Run(append([]string{"gosling"}, args...), nil, &out, &errs), "%q: %s", args, errs.String())
			assert.Contains(t, out.String(), "gosling "+cmd.Name+": "+cmd.Usage, "%q", args)
		}
	}
}

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
		assert.Equal(t, want, unescape(in), "%s", in)
	}
}

func TestQuantizedName(t *testing.T) {
	mix, err := quant.ParseMix("q4_k_m")
	require.NoError(t, err)
	for in, want := range map[string]string{
		"model-F16.gguf":        "model-Q4_K_M.gguf",
		"model-f16.gguf":        "model-Q4_K_M.gguf",
		"model.Q8_0.gguf":       "model.Q4_K_M.gguf",
		"model.gguf":            "model-Q4_K_M.gguf",
		"dir-F16/model":         "dir-F16/model-Q4_K_M.gguf",
		"RWKV-7-1.5B-ctx4.gguf": "RWKV-7-1.5B-ctx4-Q4_K_M.gguf",
		"F16.gguf":              "F16-Q4_K_M.gguf",
	} {
		assert.Equal(t, want, quantizedName(in, mix.Name), "%s", in)
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"run", "chat", "convert", "quantize"}
	same := func(s string) string { return s }
	for name, want := range map[string]string{
		"rnu": ": did you mean run?", "quantise": ": did you mean quantize?", "conv": ": did you mean convert?",
		"xyzzy": "", "": "", "r": "",
	} {
		assert.Equal(t, want, didYouMean(name, known, same), "%s", name)
	}
}
