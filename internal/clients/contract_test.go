package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goContracts are the tests of openai-go that ask what Gosling offers. Each fills in every optional field.
var goContracts = []string{"TestChatCompletionNewWithOptionalParams", "TestCompletionNewWithOptionalParams", "TestEmbeddingNewWithOptionalParams",
	"TestModelGet", "TestModelList", "TestUsage"}

// outside runs a command whose tests ask the server. count finds what it says about their number.
func outside(t *testing.T, cmd *exec.Cmd, count string) string {
	t.Helper()
	late := time.AfterFunc(3*time.Minute, func() { cmd.Process.Kill() })
	defer late.Stop()
	cmd.Env = append(os.Environ(), "TEST_API_BASE_URL="+url+"/v1", "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s\n%s", cmd, out)
	t.Logf("counted: %s: %q", t.Name(), regexp.MustCompile(count).FindAllString(string(out), -1))
	require.NoError(t, err)
	require.Regexp(t, count, string(out))
	return string(out)
}

func TestContractsOfOpenAIForGo(t *testing.T) {
	pattern := "^(" + strings.Join(goContracts, "|") + ")$"
	out := outside(t, exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", pattern, "github.com/openai/openai-go/v3"), `(?m)^--- (PASS|FAIL).*`)
	for _, name := range goContracts {
		assert.Contains(t, out, "--- PASS: "+name+" ")
	}
}

// folder returns the folder that make clients fills with what other languages need.
func folder(t *testing.T) string {
	dir := os.Getenv("CLIENTS")
	if dir == "" {
		t.Skip("the variable CLIENTS does not name the folder of other languages' clients: use make clients")
	}
	return dir
}

// python runs pytest in a folder.
func python(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(folder(t), "venv", "bin", "python"), append([]string{"-m", "pytest", "-q", "-p", "no:cacheprovider"}, args...)...)
	cmd.Dir = dir
	outside(t, cmd, `[0-9]+ (passed|failed|skipped|errors?)\b`)
}

func TestContractsOfOpenAIForPython(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(folder(t), "openai-*", "tests"))
	require.NoError(t, err)
	require.Len(t, dirs, 1)
	for _, args := range [][]string{
		{"tests/api_resources/chat/test_completions.py", "-k", "create"},
		// The others echo a prompt and want a number as the logprob of its first token. There is none, and OpenAI's own answer is null.
		{"tests/api_resources/test_completions.py", "-k", "not all_params_overload_1"},
		// The others let the client ask for base64 and then want a list: only a server that ignores the request passes.
		{"tests/api_resources/test_embeddings.py", "-k", "all_params or loose"},
		{"tests/api_resources/test_models.py", "-k", "not delete"},
	} {
		t.Run(args[0], func(t *testing.T) { python(t, filepath.Dir(dirs[0]), append(args, "-o", "addopts=")...) })
	}
}

func TestClientsForPython(t *testing.T) { python(t, "python") }

func TestClientsForNode(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "node", "--test")
	cmd.Dir = filepath.Join(folder(t), "node")
	outside(t, cmd, `(pass|fail) [0-9]+`)
}
