package units

import "github.com/gosling-rwkv/gosling/internal/float"

// ByteRate returns a number of bytes per second, such as "1.50 GiB/s", or "-" if it is not finite.
func ByteRate(perSecond float.Number) string {
	if !perSecond.Finite() {
		return "-"
	}
	return Bytes(int64(perSecond)) + "/s"
}
