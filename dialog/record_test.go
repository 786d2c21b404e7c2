package dialog_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/dialog"
	"github.com/gosling-rwkv/gosling/lm"
)

func newStore(t *testing.T) dialog.Store {
	return dialog.Store{Folder: filepath.Join(t.TempDir(), "conversations")}
}

// saved is a conversation with one turn.
func saved(asked string, at int) dialog.Saved {
	return dialog.Saved{Template: "qa", Turns: []lm.Turn{{Asked: asked}}, Updated: time.Unix(int64(at), 0).UTC()}
}

// writes returns a function that writes a state's file.
func writes(text string) func(string) error {
	return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
}

func TestTheLastConversationIsFound(t *testing.T) {
	s := newStore(t)
	_, err := s.Last()
	require.ErrorIs(t, err, dialog.ErrNone)
	for i, asked := range []string{"one", "two", "three"} {
		r := s.New("model", [32]byte{1})
		assert.False(t, r.Kept())
		require.NoError(t, r.Save(saved(asked, []int{1, 3, 2}[i]), writes(asked)))
		assert.True(t, r.Kept())
		require.NoError(t, r.Close())
		require.NoError(t, r.Close())
	}
	r, err := s.Last()
	require.NoError(t, err)
	assert.Equal(t, "two", r.Saved.Turns[0].Asked)
	data, err := os.ReadFile(r.State)
	require.NoError(t, err)
	assert.Equal(t, "two", string(data))

	other, err := s.Last()
	require.NoError(t, err)
	assert.Equal(t, "three", other.Saved.Turns[0].Asked, "the last one is in use")
	require.NoError(t, other.Close())
	require.NoError(t, r.Save(saved("two and more", 4), writes("new")))
	require.NoError(t, r.Close())
	r, err = s.Last()
	require.NoError(t, err)
	assert.Equal(t, "two and more", r.Saved.Turns[0].Asked)
	states, err := filepath.Glob(filepath.Join(filepath.Dir(r.State), "state-*"))
	require.NoError(t, err)
	assert.Equal(t, []string{r.State}, states)
}

func TestAStateThatCannotBeWrittenLosesNothing(t *testing.T) {
	s := newStore(t)
	r := s.New("model", [32]byte{1})
	require.NoError(t, r.Save(saved("one", 1), writes("one")))
	full := errors.New("disk full")
	require.ErrorIs(t, r.Save(saved("two", 2), func(string) error { return full }), full)
	require.NoError(t, r.Close())
	last, err := s.Last()
	require.NoError(t, err)
	assert.Equal(t, "one", last.Saved.Turns[0].Asked)
	assert.FileExists(t, last.State)
}

func TestOnlyTheLastConversationsAreKept(t *testing.T) {
	s := newStore(t)
	for i := range dialog.Kept + 5 {
		r := s.New("model", [32]byte{})
		require.NoError(t, r.Save(saved("x", i), writes("state")))
		require.NoError(t, r.Close())
	}
	found, err := filepath.Glob(filepath.Join(s.Folder, "*"))
	require.NoError(t, err)
	assert.Len(t, found, dialog.Kept)
}

func TestDamagedConversationsAreLeftOut(t *testing.T) {
	s := newStore(t)
	r := s.New("model", [32]byte{})
	require.NoError(t, r.Save(saved("good", 1), writes("state")))
	require.NoError(t, r.Close())
	for i, text := range []string{"", "{", `{"version":1,"state":"../../etc/passwd","updated":"2100-01-01T00:00:00Z"}`, `{"version":9,"updated":"2100-01-01T00:00:00Z"}`} {
		folder := filepath.Join(s.Folder, string(rune('a'+i)))
		require.NoError(t, os.Mkdir(folder, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "conversation.json"), []byte(text), 0o600))
	}
	last, err := s.Last()
	require.NoError(t, err)
	assert.Equal(t, "good", last.Saved.Turns[0].Asked)
}

func TestPaths(t *testing.T) {
	t.Setenv("HOME", filepath.FromSlash("/home/goose"))
	t.Setenv("USERPROFILE", filepath.FromSlash("/home/goose"))
	for name, want := range map[string]string{
		"a b.state": "a b.state", `"a b"`: "a b", "'~'": "~", "~": "/home/goose", "~/a": "/home/goose/a", "~other": "~other", `"`: `"`,
	} {
		got, err := dialog.Path(name)
		require.NoError(t, err)
		assert.Equal(t, want, filepath.ToSlash(got), name)
	}
}

func TestCommandsAreCompleted(t *testing.T) {
	assert.Equal(t, []string{"/retry"}, dialog.Complete("/ret"))
	assert.Equal(t, []string{"/read "}, dialog.Complete("/rea"))
	assert.Nil(t, dialog.Complete("/read x"))
	assert.Nil(t, dialog.Complete("hello"))
	assert.Nil(t, dialog.Complete("/nonsense"))
}
