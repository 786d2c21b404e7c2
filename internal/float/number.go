package float

import (
	"encoding/json"
	"math"
	"time"
)

// Number is a float64 for JSON files. JSON has neither infinity nor NaN: Number writes both as null and reads null as NaN.
type Number float64

// Finite reports whether n is neither NaN nor infinite.
func (n Number) Finite() bool { return Finite(n) }

// Rate returns n per second. It returns NaN, an unknown rate, if the clock did not move.
func Rate(n float64, took time.Duration) Number {
	if took <= 0 {
		return Number(math.NaN())
	}
	return Number(n / took.Seconds())
}

// MarshalJSON writes n, or null if it is not finite.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Finite() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads a number; null is NaN.
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}
