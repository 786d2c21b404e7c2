package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/cmdline"
)

// TestFlagsMeanTheSameEverywhere holds what cmdline relies on: a name takes a value in all commands or in none.
func TestFlagsMeanTheSameEverywhere(t *testing.T) {
	takes := map[string]bool{}
	for _, cmd := range newApp(nil, io.Discard, io.Discard).Commands {
		for _, f := range cmd.Flags {
			value, ok := f.(interface{ TakesValue() bool })
			require.True(t, ok)
			for _, name := range f.Names() {
				if other, ok := takes[name]; ok {
					assert.Equal(t, other, value.TakesValue(), "%s --%s", cmd.Name, name)
				}
				takes[name] = value.TakesValue()
			}
		}
	}
	assert.True(t, takes["temp"])
	assert.False(t, takes["json"])
}

func TestHelpOfEveryCommandAfterArguments(t *testing.T) {
	for _, cmd := range newApp(nil, io.Discard, io.Discard).Commands {
		for _, args := range [][]string{{cmd.Name, "some", "thing", "--help"}, {"help", cmd.Name, "some", "thing"}} {
			if cmd.Name == cmdline.CompleteName || args[0] == "help" && cmd.Name == "help" {
				continue
			}
			var out, errs strings.Builder
			assert.Zero(t, Run(append([]string{"gosling"}, args...), nil, &out, &errs), "%q: %s", args, errs.String())
			assert.Contains(t, out.String(), "gosling "+cmd.Name+": "+cmd.Usage, "%q", args)
		}
	}
}
