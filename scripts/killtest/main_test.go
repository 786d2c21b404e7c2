package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/cli"
)

// TestMain runs the program itself in the processes that the test starts.
func TestMain(m *testing.M) {
	if os.Getenv("GOSLING_KILLTEST") != "" {
		os.Exit(cli.Run(os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestKilledPullsLeaveAStoreThatOpens(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	t.Setenv("GOSLING_KILLTEST", "1")
	program, err := os.Executable()
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, run(t.Context(), program, rounds, 7, &out))
	assert.Contains(t, out.String(), "the store always opened")
}
