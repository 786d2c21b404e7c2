package ggmltest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// apart is set in the environment of processes that Apart starts.
const apart = "GOSLING_TEST_APART"

// Apart runs the test that calls it once more, in a process of its own, which may set limits or be ended by ggml. There it
// returns true. In the process that was there it returns false, when the other has ended well; it skips or fails the test if that one did.
func Apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(apart) == t.Name() {
		return true
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), apart+"="+t.Name())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	if strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Skipf("%s", out)
	}
	require.Contains(t, string(out), "--- PASS: "+t.Name(), "the test ran")
	return false
}
