package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
)

// goBlock is Go in a page.
var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

func TestTheProgramsOfThePageAreThoseThatRun(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("docs", "library.md"))
	require.NoError(t, err)
	program, err := os.ReadFile(filepath.Join("docs", "library", "main.go"))
	require.NoError(t, err)
	blocks := goBlock.FindAllStringSubmatch(string(page), -1)
	assert.Greater(t, len(blocks), 6)
	for _, block := range blocks {
		for _, part := range strings.Split(block[1], "\n\n") {
			assert.Contains(t, string(program), strings.TrimSpace(part))
		}
	}
}

// The programs are those of another module, which knows the packages as a user's does.
func TestTheProgramsOfThePageRun(t *testing.T) {
	libraries, err := ggml.Find(ggmltest.Options())
	if err != nil {
		t.Skipf("no ggml: %v", err)
	}
	cmd := exec.Command("go", "run", ".", filepath.Join("..", "..", "testdata", "demo.pth"))
	cmd.Dir = filepath.Join("docs", "library")
	cmd.Env = append(os.Environ(), "GOSLING_GGML="+libraries, "GOFLAGS=-mod=readonly", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `(?s)^42.*s w a n.*0 256\n1 256\n.*model-Q4_K_M.gguf\nmean KL divergence 0\.\d+\n$`, string(out))
}
