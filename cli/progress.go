package cli

import (
	"fmt"

	urfave "github.com/urfave/cli/v2"
)

// progress returns a function that shows the progress of a job that writes bytes, and one to call when the job ends.
func progress(c *urfave.Context, what string) (show func(done, total int64), end func()) {
	line := newRunning(c.App.ErrWriter, clockOf(c), what, bytesWritten, 0)
	return line.set, func() { line.end() }
}

// unit is what the steps of a job are counted in.
type unit struct {
	count func(done, total int64) string
	rate  func(perSecond float64) string
}

var (
	bytesWritten = unit{
		func(done, total int64) string {
			return fmt.Sprintf("%d %% of %s", 100*done/max(1, total), bytesText(total))
		},
		func(perSecond float64) string { return bytesText(int64(perSecond)) + "/s" },
	}
	tokensRead = unit{
		func(done, total int64) string { return fmt.Sprintf("%d of %d tokens", done, total) },
		func(perSecond float64) string { return fmt.Sprintf("%.1f tokens/s", perSecond) },
	}
)
