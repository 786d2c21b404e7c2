package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileThatDoesNotFitTheDiskIsRefusedBeforeItIsBegun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "base.logits")
	require.NoError(t, fitsDisk(path, 1))
	err := fitsDisk(path, 1<<62)
	require.ErrorContains(t, err, "base.logits would take 4294967296.00 GiB")
	var advised *hinted
	require.ErrorAs(t, err, &advised)

	require.NoError(t, os.WriteFile(path, make([]byte, 1000), 0o600))
	require.NoError(t, fitsDisk(path, 1000), "what is there already is not needed again")
}
