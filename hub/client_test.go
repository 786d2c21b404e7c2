package hub_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/fakehub"
)

// python returns an interpreter that has huggingface_hub: that of HF_PYTHON, which "make hub-client" sets, or python3.
func python(t *testing.T) string {
	t.Helper()
	name := os.Getenv("HF_PYTHON")
	if name == "" {
		name = "python3"
	}
	if out, err := exec.CommandContext(t.Context(), name, "-c", "import huggingface_hub").CombinedOutput(); err != nil {
		t.Skipf("no Python with huggingface_hub (make hub-client): %v: %s", err, out)
	}
	return name
}

// official runs a call of huggingface_hub and returns what it returns.
func official(t *testing.T, python string, h *fakehub.Hub, cache, call string, env ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, "-c", "import huggingface_hub as h; print(h."+call+")")
	cmd.Env = append(os.Environ(), "HF_ENDPOINT="+h.URL, "HF_HUB_CACHE="+cache, "HF_HOME="+filepath.Dir(cache), "HF_HUB_DISABLE_XET=1", "HF_HUB_DISABLE_PROGRESS_BARS=1", "HF_HUB_DISABLE_TELEMETRY=1")
	cmd.Env = append(cmd.Env, env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Log(errs.String())
	}
	return strings.TrimSpace(string(out)), err
}

// TestTheOfficialClient shows that the hub of these tests answers as the real one does, and that both clients share one cache.
func TestTheOfficialClient(t *testing.T) {
	py := python(t)
	h, c := start(t)
	call := `hf_hub_download("BlinkDL/goose", "goose.pth")`
	path, err := official(t, py, h, c.Cache(), call)
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, fakehub.SHA256(bytesOf(300_000)), fakehub.SHA256(data))

	f := pick(t, c, "goose.pth")
	assert.True(t, c.Shown(goose, f), "its download is found")
	h.Requests()
	b, err := c.Fetch(t.Context(), goose, f, hub.Events{})
	require.NoError(t, err)
	for _, r := range h.Requests() {
		assert.False(t, r.CDN, "and is not downloaded again")
	}
	shown, err := c.Show(goose, b)
	require.NoError(t, err)
	assert.Equal(t, path, shown)
	require.NoError(t, c.Drop(goose, f))
	assert.FileExists(t, path)

	for _, name := range []string{"config.json", "sub/other.gguf"} {
		b, err := c.Fetch(t.Context(), goose, pick(t, c, name), hub.Events{})
		require.NoError(t, err)
		shown, err := c.Show(goose, b)
		require.NoError(t, err)
		path, err := official(t, py, h, c.Cache(), `hf_hub_download("BlinkDL/goose", "`+name+`", local_files_only=True)`)
		require.NoError(t, err, "it finds what we downloaded")
		assert.Equal(t, shown, path)
	}
	h.Requests()
	path, err = official(t, py, h, c.Cache(), `snapshot_download("BlinkDL/goose")`)
	require.NoError(t, err)
	assert.Equal(t, filepath.Dir(shown), path)
	for _, r := range h.Requests() {
		assert.False(t, r.CDN, "everything is there already")
	}

	_, err = official(t, py, h, c.Cache(), `hf_hub_download("BlinkDL/swan", "goose.pth")`)
	require.Error(t, err, "a missing repository")
	h.Add("BlinkDL/gated", map[string][]byte{"goose.pth": bytesOf(5000)}).Gated = true
	_, err = official(t, py, h, c.Cache(), `hf_hub_download("BlinkDL/gated", "goose.pth")`)
	require.Error(t, err)
	_, err = official(t, py, h, c.Cache(), `hf_hub_download("BlinkDL/gated", "goose.pth")`, "HF_TOKEN="+h.Token)
	require.NoError(t, err)
}
