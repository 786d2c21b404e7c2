package cli

import (
	"fmt"
	"strings"
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

// numberText writes a number, or "-" where it is unknown or beyond all bounds.
func numberText[F ~float64](format string, n F) string {
	if !float.Number(n).Finite() {
		return "-"
	}
	return fmt.Sprintf(format, n)
}

// byteRateText is a number of bytes a second.
func byteRateText(bytes int64, took time.Duration) string {
	r := rate(float64(bytes), took)
	if !r.Finite() {
		return "-"
	}
	return bytesText(int64(r)) + "/s"
}

// cellText is a cell of a CSV file. It is empty where there is no number, as in a spreadsheet. A text that a spreadsheet would take
// for a formula is told from one by an apostrophe.
func cellText(value any) string {
	switch n := value.(type) {
	case string:
		if strings.IndexAny(n, "=+-@\t\r\n") == 0 {
			return "'" + n
		}
	case float.Number:
		if !n.Finite() {
			return ""
		}
	case float64:
		return cellText(float.Number(n))
	}
	return fmt.Sprint(value)
}
