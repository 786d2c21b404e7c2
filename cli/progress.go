package cli

import (
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
)

// progress returns a function that shows the progress of a job that writes bytes, and one to call when the job ends.
func progress(c *urfave.Context, what string) (show func(done, total int64), end func()) {
	line := newRunning(c.App.ErrWriter, clockOf(c), what, bytesWritten, 0)
	return line.set, func() { line.end() }
}

// follow returns what shows how a run of package compare goes on, and what must be called at its end.
func follow(c *urfave.Context) (show func(compare.Event), end func()) {
	var line *running // of the step that runs
	end = func() {
		if line != nil {
			line.end()
			line = nil
		}
	}
	show = func(e compare.Event) {
		switch {
		case e.Note != "":
			note(c, "%s", e.Note)
		case e.Measured != "":
			fmt.Fprintln(c.App.ErrWriter, e.Measured)
		case e.Ended:
			end()
		case line == nil && e.Bytes:
			line = newRunning(c.App.ErrWriter, clockOf(c), e.Step, bytesWritten, e.Total)
		case line == nil:
			line = newRunning(c.App.ErrWriter, clockOf(c), e.Step, tokensRead, e.Total)
		default:
			line.set(e.Done, e.Total)
			if e.News != "" {
				line.say("%s", e.News)
			}
		}
	}
	return show, end
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
