//go:build unix

package cli_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAConversationOutlivesItsModelsFile cuts the model's file short between two messages. The second is not answered, but the
// state of the conversation can still be saved.
func TestAConversationOutlivesItsModelsFile(t *testing.T) {
	needGGML(t)
	dir := t.TempDir()
	checkpoint, model, state := filepath.Join(dir, "model.pth"), filepath.Join(dir, "model.gguf"), filepath.Join(dir, "talk.state")
	writeModel(t, checkpoint, tinyModel())
	require.NoError(t, exec.Command("gosling", "convert", checkpoint, model, "--type", "f32").Run())
	cmd := exec.Command("gosling", "chat", model, "--template", "qa", "--n-predict", "3", "--temp", "0")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var said bytes.Buffer
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	_, err = io.WriteString(in, "Hello\n/help\n")
	require.NoError(t, err)
	printed := bufio.NewScanner(out) // the help comes when nothing is computed any more
	for printed.Scan() && !strings.HasPrefix(printed.Text(), "Ctrl-C stops an answer") {
	}
	require.NoError(t, printed.Err(), "%s", &said)
	require.NoError(t, os.Truncate(model, 4096))
	_, err = io.WriteString(in, "Are you there?\n/save "+state+"\n")
	require.NoError(t, err)
	require.NoError(t, in.Close())
	require.Error(t, cmd.Wait())
	assert.Equal(t, 1, cmd.ProcessState.ExitCode())
	assert.Contains(t, said.String(), model+": the file has changed since it was opened: it has 4096 bytes now")
	assert.Contains(t, said.String(), " not answered: the model's file has changed")
	assert.FileExists(t, state)
}
