package cli

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	urfave "github.com/urfave/cli/v2"
)

// TestEveryFlagThatNamesAFileSaysWhatIsDoneWithIt holds the lists to the commands: a flag that is in none of them could name an
// input that an output replaces.
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

func TestWhatIsReadWithAFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"config.json", "model-1.safetensors", "model.safetensors.index.json", "m-00001-of-00002.gguf", "M-00002-of-00002.GGUF", "n-00001-of-00002.gguf", "answers.jsonl", "out.gguf"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	for name, want := range map[string][]string{
		"":                             {"config.json", "model-1.safetensors", "model.safetensors.index.json"},
		"out.gguf":                     {"config.json"},
		"m-00001-of-00002.gguf":        {"M-00002-of-00002.GGUF", "config.json", "m-00001-of-00002.gguf"},
		"model.safetensors.index.json": {"config.json", "model-1.safetensors", "model.safetensors.index.json"},
	} {
		var got []string
		for _, path := range readWith(filepath.Join(dir, name)) {
			got = append(got, filepath.Base(path))
		}
		assert.ElementsMatch(t, want, got, name)
	}
}
