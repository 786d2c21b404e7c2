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
	switch os.Getenv("GOSLING_KILLTEST") {
	case "gosling":
		os.Exit(cli.Run(os.Args, os.Stdin, os.Stdout, os.Stderr))
	case "killtest":
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestKilledPullsLeaveAStoreThatOpens(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	t.Setenv("GOSLING_KILLTEST", "gosling")
	program, err := os.Executable()
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, run(t.Context(), program, rounds, 7, &out))
	assert.Contains(t, out.String(), "the store always opened")
}

func TestKilledWritersOfStatesLeaveAFolderThatOpens(t *testing.T) {
	t.Setenv("GOSLING_KILLTEST", "killtest")
	program, err := os.Executable()
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, runStates(t.Context(), program, 8, 7, &out))
	assert.Contains(t, out.String(), "had what was reported")
}
