package cli

import (
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	urfave "github.com/urfave/cli/v2"
)

func TestStopStrings(t *testing.T) {
	own := []string{"\n\nUser:", "\n\nSystem:"}
	for name, tc := range map[string]struct{ args, want []string }{
		"the template's":             {nil, own},
		"one more":                   {[]string{"--stop", "THE END"}, append(own[:2:2], "THE END")},
		"two more, with a line end":  {[]string{"--stop", `a\n`, "--stop", "b"}, append(own[:2:2], "a\n", "b")},
		"one that the template has":  {[]string{"--stop", `\n\nUser:`}, own},
		"none":                       {[]string{"--stop", ""}, nil},
		"none but what is given too": {[]string{"--stop", "", "--stop", "b"}, []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := flag.NewFlagSet("", flag.ContinueOnError)
			set.SetOutput(io.Discard)
			for _, f := range append(samplingFlags(1), escapeFlag()) {
				require.NoError(t, f.Apply(set))
			}
			require.NoError(t, set.Parse(tc.args))
			app := newApp(nil, io.Discard, io.Discard)
			assert.Equal(t, tc.want, stopStrings(urfave.NewContext(app, set, nil), own))
		})
	}
}
