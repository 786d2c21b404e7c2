package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const report = `<?xml version="1.0"?><testsuites><testsuite name="pytest">
<testcase classname="unit.test_a" name="test_one" time="1"/>
<testcase classname="unit.test_a" name="test_two[x-1]"><failure message="assert 1 == 2&#10;more">long</failure></testcase>
<testcase classname="unit.test_a" name="test_late"/>
<testcase classname="unit.test_a" name="test_late"><error message="cannot stop"/></testcase>
<testcase classname="unit.test_b" name="test_none"><skipped message="no IPv6"/></testcase>
<testcase classname="unit.test_b" name="test_new"/>
</testsuite></testsuites>`

func TestParseReport(t *testing.T) {
	results, err := parseReport([]byte(report))
	require.NoError(t, err)
	assert.Equal(t, []result{
		{"test_a::test_late", false, "error: cannot stop"},
		{"test_a::test_one", true, ""},
		{"test_a::test_two[x-1]", false, "failed: assert 1 == 2"},
		{"test_b::test_new", true, ""},
		{"test_b::test_none", false, "skipped: no IPv6"},
	}, results)
	for text, says := range map[string]string{"<a": "pytest's report", "<testsuites/>": "holds no tests"} {
		_, err := parseReport([]byte(text))
		require.ErrorContains(t, err, says)
	}
	assert.Len(t, []rune((&outcome{Message: strings.Repeat("ä", 300)}).line()), 162)
}

func TestCompareWithTheList(t *testing.T) {
	results, err := parseReport([]byte(report))
	require.NoError(t, err)
	c := compare(parseList("# a comment\n\n test_a::test_one\ntest_a::test_two[x-1]\ntest_c::test_gone\n"), results)
	var out bytes.Buffer
	c.print(&out)
	assert.Equal(t, `not listed: test_a::test_late: error: cannot stop
not listed: test_b::test_none: skipped: no IPv6
PASSED, NOT LISTED: test_b::test_new
LISTED, NOT PASSED: test_a::test_two[x-1]: failed: assert 1 == 2
LISTED, NOT RUN: test_c::test_gone
2 of llama.cpp's tests passed: 1 of the 3 listed, and 1 others; 3 did not
`, out.String())
	assert.Equal(t, []string{"test_a::test_one", "test_b::test_new"}, parseList(string(formatList(results))))
}

// python writes a program that stands in for pytest: it writes the report and ends with an exit code.
func python(t *testing.T, dir, exit string) string {
	path := filepath.Join(dir, "python")
	script := "#!/bin/sh\nwhile [ $# -gt 0 ]; do [ \"$1\" = --junitxml ] && cp '" + filepath.Join(dir, "given.xml") + "' \"$2\"; shift; done\n" +
		"[ -n \"$LLAMA_SERVER_BIN_PATH\" ] && [ -n \"$GOSLING\" ] && [ -f unit/test_basic.py ] || exit 9\nexit " + exit + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "given.xml"), []byte(report), 0o644))
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

func TestRunFailsIfAListedTestDoesNotPass(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("no shell: ", err)
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "unit"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "unit", "test_basic.py"), nil, 0o644))
	list := filepath.Join(dir, "list.txt")
	o := options{tests: dir, python: python(t, dir, "1"), server: "x", gosling: "y", list: list, each: time.Second}
	for text, says := range map[string]string{
		"test_a::test_one\n":                        "",
		"test_a::test_one\ntest_a::test_two[x-1]\n": "1 listed tests did not pass",
		"test_c::test_gone\n":                       "1 listed tests did not pass",
	} {
		require.NoError(t, os.WriteFile(list, []byte(text), 0o644))
		err := run(context.Background(), o, &bytes.Buffer{})
		if says == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, says)
		}
	}
	o.update = true
	require.NoError(t, run(context.Background(), o, &bytes.Buffer{}))
	text, err := os.ReadFile(list)
	require.NoError(t, err)
	assert.Equal(t, []string{"test_a::test_one", "test_b::test_new"}, parseList(string(text)))

	o.python = python(t, dir, "4")
	require.ErrorContains(t, run(context.Background(), o, &bytes.Buffer{}), "exit status 4")
	o.tests = t.TempDir()
	require.ErrorContains(t, run(context.Background(), o, &bytes.Buffer{}), "does not hold llama.cpp's server tests")
	require.ErrorContains(t, run(context.Background(), options{}, &bytes.Buffer{}), "make compat")
}
