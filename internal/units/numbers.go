package units

import (
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// Number writes a number in a format such as "%.2f", or "-" if it is not finite.
func Number[F ~float64](format string, n F) string {
	if !float.Finite(float64(n)) {
		return "-"
	}
	return fmt.Sprintf(format, n)
}

// ByteRate returns a number of bytes per second, such as "1.50 GiB/s", or "-" if it is not finite.
func ByteRate[F ~float64](perSecond F) string {
	if !float.Finite(float64(perSecond)) {
		return "-"
	}
	return Bytes(int64(perSecond)) + "/s"
}

// Cell returns a cell of a CSV file. It is empty for a number that is not finite. A text that a spreadsheet would take for a
// formula gets an apostrophe in front.
func Cell(value any) string {
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
		return Cell(float.Number(n))
	}
	return fmt.Sprint(value)
}
