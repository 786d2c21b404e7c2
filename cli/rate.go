package cli

import (
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// clock tells the time. Commands ask it whenever they measure; a test may hand them one that stands still.
type clock func() time.Time

func (now clock) since(begin time.Time) time.Duration { return now().Sub(begin) }

// clockKey is where the app keeps its clock.
const clockKey = "clock"

func clockOf(c *urfave.Context) clock { return c.App.Metadata[clockKey].(clock) }

// rate is how many of n there were a second, as bench.Rate tells.
func rate(n float64, took time.Duration) float.Number { return bench.Rate(n, took) }

// byteRateText is a number of bytes a second.
func byteRateText(bytes int64, took time.Duration) string {
	r := rate(float64(bytes), took)
	if !r.Finite() {
		return "-"
	}
	return bytesText(int64(r)) + "/s"
}
