package demo

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
)

func TestTheModelIsSmallAndWhole(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	assert.LessOrEqual(t, len(model), 4<<20)
	path, err := Model()
	require.NoError(t, err)
	assert.Empty(t, gguf.Check(path))
	assert.Equal(t, "demo.gguf", filepath.Base(path))
}

func TestTheCacheIsMendedAndNotWrittenTwice(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	path, err := Text()
	require.NoError(t, err)
	before, err := os.Stat(path)
	require.NoError(t, err)
	again, err := Text()
	require.NoError(t, err)
	assert.Equal(t, path, again)
	after, err := os.Stat(path)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after))

	require.NoError(t, os.WriteFile(path, []byte("to be"), 0o600))
	_, err = Text()
	require.NoError(t, err)
	mended, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, verse, mended)
}

func TestWithoutACacheThereIsTheFolderForTemporaryFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "no folder")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tmp := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", file)
	t.Setenv("HOME", "")
	t.Setenv("LocalAppData", "")
	t.Setenv("TMPDIR", tmp)
	t.Setenv("TMP", tmp)
	path, err := Text()
	require.NoError(t, err)
	rel, err := filepath.Rel(tmp, path)
	require.NoError(t, err)
	assert.True(t, filepath.IsLocal(rel), path)

	t.Setenv("TMPDIR", file)
	t.Setenv("TMP", file)
	_, err = Text()
	require.ErrorContains(t, err, "no folder can hold the")
}

func TestEveryTaskHasAKindAQuestionAndAnAnswer(t *testing.T) {
	kinds := map[string]int{}
	for line := range bytes.Lines(Tasks()) {
		var row struct{ Task, Question, Answer string }
		require.NoError(t, json.Unmarshal(line, &row))
		assert.NotEmpty(t, row.Question)
		assert.NotEmpty(t, row.Answer)
		kinds[row.Task]++
	}
	assert.Len(t, kinds, 10)
	for kind, n := range kinds {
		assert.Equal(t, 30, n, kind)
	}
}
