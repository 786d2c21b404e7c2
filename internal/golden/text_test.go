package golden

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake is a test that may fail.
type fake struct {
	testing.TB
	failed bool
}

func (f *fake) Errorf(string, ...any) { f.failed = true }

func TestATextIsOnlyRewrittenOnRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	Text(t, path, "old")
	other := &fake{TB: t}
	Text(other, path, "new")
	assert.True(t, other.failed)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(text))

	was := *update
	t.Cleanup(func() { *update = was })
	*update = true
	Text(t, path, "new")
	*update = false
	Text(t, path, "new")
}
