package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

// TestMain lets the test binary stand in for the compiler and for both programs. The compiler copies the binary to the name of
// its output. The programs write the logits that lie beside the model.
func TestMain(m *testing.M) {
	args := os.Args[1:]
	var err error
	switch filepath.Base(os.Args[0]) {
	case "cc":
		err = os.Symlink(os.Args[0], args[slices.Index(args, "-o")+1])
	case "gosling":
		err = answer(args[len(args)-1]+".ours", args[slices.Index(args, "--output")+1])
	case "peer":
		err = answer(args[0]+".theirs", args[4])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		os.Exit(3)
	}
	os.Exit(0)
}

func answer(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

const vocab = 8

// checked compares the given logits of both programs.
func checked(t *testing.T, ours, theirs []float32, args ...string) (string, error) {
	t.Helper()
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range []string{"cc", "gosling"} {
		require.NoError(t, os.Symlink(self, filepath.Join(dir, name)))
	}
	model := filepath.Join(dir, "m.gguf")
	f, err := os.Create(model)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, synth.WriteGGUF(f, synth.Config{Version: "arwkv7", Layers: 1, Embed: 64, Vocab: vocab}))
	for ending, x := range map[string][]float32{".ours": ours, ".theirs": theirs} {
		data := make([]byte, 4*len(x))
		float.EncodeF32(data, x)
		require.NoError(t, os.WriteFile(model+ending, data, 0o600))
	}
	var out, diagnostics bytes.Buffer
	args = append([]string{"--gosling", filepath.Join(dir, "gosling"), "--cc", filepath.Join(dir, "cc"), "--llama", dir, "--chunks", "3"}, args...)
	err = run(context.Background(), append(args, model), &out, &diagnostics)
	return out.String(), err
}

func TestLogitsAreCompared(t *testing.T) {
	theirs := []float32{0, 1, 2, 3, 4, 3, 2, 1, 7, 0, 0, 0, 0, 0, 6.9, -8}
	ours := slices.Clone(theirs)
	out, err := checked(t, ours, theirs)
	require.NoError(t, err)
	assert.Equal(t, "m.gguf, chunks of 3: 0, the same token at 2 of 2\n", out)

	ours[14] = 7.7
	out, err = checked(t, ours, theirs)
	require.ErrorContains(t, err, "1 comparisons differ by more than 0.0002")
	assert.Equal(t, "m.gguf, chunks of 3: 0.1, the same token at 1 of 2\n", out)

	_, err = checked(t, ours, theirs, "--tolerance", "0.2")
	require.NoError(t, err)

	ours[0] = float32(math.NaN())
	_, err = checked(t, ours, theirs, "--tolerance", "0.2")
	require.Error(t, err, "what is no number is never near")

	_, err = checked(t, ours[:8], theirs)
	require.ErrorContains(t, err, "8 logits, but 16 from the peer")
}

func TestArgumentsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		reason string
	}{
		"no peer":           {[]string{"m.gguf"}, "name llama.cpp's folder with --llama"},
		"no model":          {[]string{"--llama", "."}, "no model"},
		"chunks of nothing": {[]string{"--llama", ".", "--chunks", "4,0", "m.gguf"}, "--chunks 4,0: want numbers of tokens"},
		"no tokens":         {[]string{"--llama", ".", "-n", "0", "m.gguf"}, "want -n from 1 to 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, run(context.Background(), tc.args, &bytes.Buffer{}, &bytes.Buffer{}), tc.reason)
		})
	}
}
