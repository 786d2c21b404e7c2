package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inModule creates a module with the given files and changes to its folder.
func inModule(t *testing.T, files map[string]string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	dir := t.TempDir()
	files["go.mod"] = "module zoo\n\ngo 1.26\n"
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	}
	t.Chdir(dir)
}

const header = "import \"testing\"\n\n"

func TestTargetsAreFoundInTheTestFiles(t *testing.T) {
	inModule(t, map[string]string{
		"goose/goose.go":      "package goose\n\nfunc FuzzNothing() {}\n",
		"goose/in_test.go":    "package goose\n\n" + header + "func FuzzHonk(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) {}) }\n\nfunc FuzzyTest(t *testing.T) {}\n",
		"goose/out_test.go":   "package goose_test\n\n" + header + "func FuzzWalk(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) {}) }\n",
		"goose/other_test.go": "//go:build never\n\npackage goose\n\n" + header + "func FuzzNever(f *testing.F) {}\n",
		"duck/duck_test.go":   "package duck\n\n" + header + "func TestQuack(t *testing.T) {}\n",
	})
	packages, err := list(t.Context(), []string{"./..."})
	require.NoError(t, err)
	require.Len(t, packages, 1)
	assert.Equal(t, "goose", packages[0].short)
	assert.Equal(t, []string{"FuzzHonk", "FuzzWalk"}, packages[0].targets)
	packages[0].keep(regexp.MustCompile("Honk"))
	assert.Equal(t, []string{"FuzzHonk"}, packages[0].targets)
}

func TestATargetThatCannotBeBuiltFailsAndIsNamed(t *testing.T) {
	inModule(t, map[string]string{"goose/in_test.go": "package goose\n\n" + header + "func FuzzHonk(f *testing.F) { honk }\n"})
	var out bytes.Buffer
	err := run(t.Context(), &out, options{dir: t.TempDir(), only: regexp.MustCompile("")}, []string{"./..."})
	require.ErrorContains(t, err, "1 of 1 targets failed")
	assert.Regexp(t, `goose FuzzHonk +FAILED: go test -c: (?s:.*)undefined: honk`, out.String())
	err = run(t.Context(), &out, options{dir: t.TempDir(), only: regexp.MustCompile("Quack")}, []string{"./..."})
	require.ErrorContains(t, err, "no fuzz target matches")
}

func TestAStoppedRunIsAnError(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.Error(t, run(ctx, &bytes.Buffer{}, options{dir: t.TempDir(), only: regexp.MustCompile("")}, []string{"./..."}))
}

func TestTheCountsAreThoseOfTheLastLine(t *testing.T) {
	text := `fuzz: elapsed: 0s, gathering baseline coverage: 0/12 completed
fuzz: elapsed: 3s, execs: 16873 (5623/sec), new interesting: 2 (total: 14)
fuzz: elapsed: 5s, execs: 23073 (2951/sec), new interesting: 3 (total: 15)
--- FAIL: FuzzHonk (5.10s)
    Failing input written to testdata/fuzz/FuzzHonk/582528ddfad69eb5
`
	var r result
	r.read(text)
	assert.Equal(t, result{executions: "23073", found: "3"}, r)
	var out bytes.Buffer
	r.print(&out, "goose FuzzHonk")
	assert.Regexp(t, `^goose FuzzHonk +23073 executions +3 new inputs  ok\n$`, out.String())

	r.read("fuzz: elapsed: 5s, gathering baseline coverage: 7/12 completed\n")
	assert.Equal(t, result{executions: "7/12", found: "no"}, r)

	r.err = errors.New("exit status 1")
	r.read("--- FAIL: FuzzHonk (5.10s)\n    context deadline exceeded\nFAIL\n")
	require.NoError(t, r.err, "running out of time is not a failure")

	r.err = errors.New("exit status 1")
	r.read(text)
	out.Reset()
	r.print(&out, "goose FuzzHonk")
	assert.Regexp(t, `FAILED: exit status 1\n    --- FAIL: FuzzHonk`, out.String())
	assert.NotContains(t, out.String(), "elapsed")
}
