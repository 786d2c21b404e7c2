package cli

import (
	"fmt"
	"math"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// clock tells the time. Commands ask it whenever they measure; a test may hand them one that stands still.
type clock func() time.Time

func (now clock) since(begin time.Time) time.Duration { return now().Sub(begin) }

// clockKey is where the app keeps its clock.
const clockKey = "clock"

func clockOf(c *urfave.Context) clock { return c.App.Metadata[clockKey].(clock) }

// measuredTime is how long a measurement of speed lasts at least. The clocks of some systems step by 16 ms.
const measuredTime = 100 * time.Millisecond

// mostRepeats ends a measurement whose clock does not move.
const mostRepeats = 32

// repeat calls once until measuredTime has passed, and returns the mean time of a call.
func repeat(once func() (time.Duration, error)) (time.Duration, error) {
	total, n := time.Duration(0), time.Duration(0)
	for total < measuredTime && n < mostRepeats {
		took, err := once()
		if err != nil {
			return 0, err
		}
		total += took
		n++
	}
	return total / n, nil
}

// rate is how many of n there were a second. It is NaN, which stands for an unknown rate, if the clock saw no time pass.
func rate(n float64, took time.Duration) float.Number {
	if took <= 0 {
		return float.Number(math.NaN())
	}
	return float.Number(n / took.Seconds())
}

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
