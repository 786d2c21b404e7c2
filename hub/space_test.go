package hub

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADiskThatIsFull(t *testing.T) {
	link := filepath.Join(t.TempDir(), "goose.incomplete")
	if _, err := os.Stat("/dev/full"); err != nil || os.Symlink("/dev/full", link) != nil {
		t.Skip("no /dev/full")
	}
	out, err := os.OpenFile(link, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer out.Close()
	d := &download{client: &Client{stall: time.Minute}, file: File{Path: "goose", Size: 100}, out: out}
	d.hash = d.newHash()
	err = d.failed(d.write(bytes.NewReader(make([]byte, 100)), func() {}))
	require.ErrorAs(t, err, new(*SpaceError))
	assert.ErrorContains(t, err, "no space left on the disk for a file of 100 B")
	_, err = os.Lstat(link)
	assert.ErrorIs(t, err, os.ErrNotExist)
}
