//go:build unix

package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fakehub"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

// askedHub returns a hub with a model, and the environment of a program that uses it.
func askedHub(t *testing.T) (h *fakehub.Hub, store string, env []string) {
	t.Helper()
	needGGML(t)
	var b bytes.Buffer
	require.NoError(t, synth.Write(&b, tinyModel()))
	h = fakehub.New()
	t.Cleanup(h.Close)
	h.Add("BlinkDL/rwkv7-g1", map[string][]byte{"rwkv7-g1d-0.1b-20260129-ctx8192.pth": b.Bytes(), "rwkv7-g1d-13.3b-20260129-ctx8192.pth": b.Bytes()})
	store = filepath.Join(t.TempDir(), "store")
	return h, store, []string{"HF_ENDPOINT=" + h.URL, "HF_HOME=" + filepath.Join(t.TempDir(), "hf"), "GOSLING_MODELS=" + store}
}

func TestAModelThatIsNotHereIsOffered(t *testing.T) {
	_, store, env := askedHub(t)
	s := startSized(t, 150, 24, env, "run", "rwkv7-g1-0.1b", "Hi", "-n", "1")
	s.Has("rwkv7-g1-0.1b is not here yet. Pull it? [Y/n]")
	s.Press("n\r")
	assert.Equal(t, 1, s.ExitCode())
	s.Has("gosling pull rwkv7-g1-0.1b")
	s = startSized(t, 150, 24, env, "run", "rwkv7-g1-0.1b", "Hi", "-n", "1")
	s.Has("Pull it? [Y/n]")
	s.Press("\r")
	assert.Equal(t, 0, s.ExitCode())
	found, err := os.ReadDir(store)
	require.NoError(t, err)
	assert.Len(t, found, 2)
	s = startSized(t, 150, 24, env, "run", "rwkv7-g1-0.1b", "Hi", "-n", "1")
	assert.Equal(t, 0, s.ExitCode(), "it is here now")
}

func TestCtrlCEndsTheQuestion(t *testing.T) {
	_, _, env := askedHub(t)
	s := startSized(t, 150, 24, env, "run", "rwkv7-g1-0.1b", "Hi")
	s.Has("Pull it? [Y/n]")
	s.Press("\x03")
	assert.Equal(t, 130, s.ExitCode())
}

func TestAModelThatIsTooLargeIsAskedFor(t *testing.T) {
	h, _, env := askedHub(t)
	s := startSized(t, 150, 24, env, "pull", "rwkv7-g1-13.3b", "--ram", "2GiB", "--vram", "0")
	s.Has("and this machine has 1.00 GiB for models")
	s.Has("Pull it all the same? [y/N]")
	s.Press("\r")
	assert.Equal(t, 1, s.ExitCode())
	for _, r := range h.Requests() {
		assert.False(t, r.CDN, "nothing is downloaded")
	}
}
