package compare

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileThatDoesNotFitTheDiskIsRefusedBeforeItIsBegun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "base.logits")
	require.NoError(t, fitsDisk(path, 1))
	err := fitsDisk(path, 1<<62)
	require.ErrorContains(t, err, "base.logits would take 4294967296.00 GiB more")
	var disk *DiskError
	require.ErrorAs(t, err, &disk)
}
