package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCountsAreTakenFromTheOutput(t *testing.T) {
	var c counts
	require.NoError(t, c.read(strings.NewReader("=== RUN TestA\n--- PASS: TestA (0.1s)\n    a_test.go:3: counted: TestB/x: [\"3 passed\"]\n        --- PASS: TestOfOthers\n--- FAIL: TestB (1s)\n--- PASS: TestC")))
	var out bytes.Buffer
	c.print(&out)
	assert.Equal(t, "TestB/x: [\"3 passed\"]\nFAIL: 1 tests: TestB\nPASS: 2 tests: TestA TestC\n", out.String())
}
