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

// Apart runs the calling test a second time, in a child process. The child may set limits, and ggml may end it. In the child, Apart returns
// true. In the parent, it returns false after the child has passed the test. If the child skipped or failed the test, the parent does too.
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
