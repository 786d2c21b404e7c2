package outfile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func Example() {
	guard := Guard{Inputs: func() []string { return []string{"outfile.go"} }, Force: true}
	fmt.Println(guard.Separate("./outfile.go"))
	// Output: ./outfile.go and outfile.go: input and output are the same file
}

func TestOutputsAreTriedBeforeTheyAreMade(t *testing.T) {
	dir := t.TempDir()
	in, there, fresh, link := filepath.Join(dir, "in"), filepath.Join(dir, "there"), filepath.Join(dir, "fresh"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(in, []byte("goose"), 0o600))
	require.NoError(t, os.WriteFile(there, []byte("old"), 0o600))
	require.NoError(t, os.Symlink(in, link))
	for name, tc := range map[string]struct {
		outputs []Output
		force   bool
		says    string
	}{
		"a new file":                {[]Output{{Path: fresh}}, false, ""},
		"none":                      {[]Output{{}, {Path: "-"}}, false, ""},
		"standard output, by place": {[]Output{{Path: "-", File: true}}, false, "standard output"},
		"one that is there":         {[]Output{{Path: there}}, false, "exists"},
		"with force":                {[]Output{{Path: there}}, true, ""},
		"one to go on with":         {[]Output{{Path: there, Begun: true}}, false, ""},
		"the input":                 {[]Output{{Path: in}}, true, "input and output are the same file"},
		"a link to the input":       {[]Output{{Path: link}}, true, "input and output are the same file"},
		"one file twice":            {[]Output{{Path: fresh}, {Path: filepath.Join(dir, ".", "fresh")}}, false, "two outputs are the same file"},
		"a folder that is not":      {[]Output{{Path: filepath.Join(dir, "no", "fresh")}}, false, "cannot create a file in"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Guard{Inputs: func() []string { return []string{in, filepath.Join(dir, "missing")} }, Force: tc.force}.Try(tc.outputs...)
			if tc.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.says)
			}
			assert.NoFileExists(t, fresh)
		})
	}
	data, err := os.ReadFile(in)
	require.NoError(t, err)
	assert.Equal(t, "goose", string(data))
}

func TestAnOutputIsWholeOrAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	write := func(text string, err error) error {
		return Guard{Force: true}.Write(t.Context(), path, func(w io.Writer) error {
			_, _ = io.WriteString(w, text)
			return err
		})
	}
	require.NoError(t, write("first", nil))
	require.ErrorIs(t, write("second", io.ErrClosedPipe), io.ErrClosedPipe)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "first", string(data))
	if runtime.GOOS != "windows" {
		require.NoError(t, Guard{}.Write(t.Context(), os.DevNull, func(w io.Writer) error { _, err := io.WriteString(w, "gone"); return err }))
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
		for _, path := range ReadWith(filepath.Join(dir, name)) {
			got = append(got, filepath.Base(path))
		}
		assert.ElementsMatch(t, want, got, name)
	}
}
