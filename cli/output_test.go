package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	urfave "github.com/urfave/cli/v2"
)

// TestEveryFlagThatNamesAFileSaysWhatIsDoneWithIt checks that every file flag of the commands is in one of the lists. Otherwise
// an output could replace an input.
func TestEveryFlagThatNamesAFileSaysWhatIsDoneWithIt(t *testing.T) {
	listed := slices.Concat(inputFlags, outputFlags, folderFlags)
	seen := map[string]bool{}
	for _, command := range newApp(nil, io.Discard, io.Discard).Commands {
		for _, f := range command.Flags {
			name := f.Names()[0]
			usage := f.(urfave.DocGenerationFlag).GetUsage()
			_, isPath := f.(*urfave.PathFlag)
			if isPath || strings.Contains(usage, "`FILE`") || strings.Contains(usage, "`DIR`") {
				assert.Contains(t, listed, name, "--%s of %s", name, command.Name)
			}
			seen[name] = true
		}
	}
	for _, name := range listed {
		assert.True(t, seen[name], "no command has --%s", name)
	}
}
