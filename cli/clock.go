package cli

import (
	"time"

	urfave "github.com/urfave/cli/v2"
)

// clock tells the time. Commands ask it whenever they measure; a test may hand them one that stands still.
type clock func() time.Time

func (now clock) since(begin time.Time) time.Duration { return now().Sub(begin) }

// clockKey is where the app keeps its clock.
const clockKey = "clock"

func clockOf(c *urfave.Context) clock { return c.App.Metadata[clockKey].(clock) }
