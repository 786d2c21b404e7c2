package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	urfave "github.com/urfave/cli/v2"
)

// The process that measures speeds for "compare" computes as this one does.
func TestSpeedsAreMeasuredWithTheSameFlags(t *testing.T) {
	app := &urfave.App{Flags: modelFlags(), Action: func(c *urfave.Context) error {
		command, err := measureSpeed(c)
		require.NoError(t, err)
		for _, want := range []string{"--kernels=off", "--cpu-variant=haswell", "--threads=2", "--device=cpu"} {
			assert.Contains(t, command.Args, want)
		}
		return nil
	}}
	require.NoError(t, app.Run([]string{"gosling", "--kernels", "off", "--cpu-variant", "haswell", "-t", "2", "--device", "cpu"}))
}
