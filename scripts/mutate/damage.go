package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
)

// header is the part of a file that holds sizes and counts in most formats. Half of all damage is done there.
const header = 4 << 10

// numbers are values at which programs often break.
var numbers = []uint64{0, 1, 2, 127, 128, 255, 1 << 15, 1<<16 - 1, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 40, 1<<63 - 1, 1 << 63, math.MaxUint64, math.MaxUint64 - 7}

// mutate returns a damaged copy of data. It may splice in a piece of another file.
func mutate(rng *rand.Rand, data, other []byte, text bool) []byte {
	data = bytes.Clone(data)
	if len(data) == 0 {
		return append(data, other[:min(len(other), 1+rng.IntN(64))]...)
	}
	if text && rng.IntN(2) == 0 {
		return mutateText(rng, data)
	}
	at := place(rng, len(data))
	size := min(1+rng.IntN(1<<rng.IntN(12)), len(data)-at)
	switch rng.IntN(8) {
	case 0: // bits
		for range 1 + rng.IntN(8) {
			data[place(rng, len(data))] ^= 1 << rng.IntN(8)
		}
	case 1, 2: // a number
		word := binary.LittleEndian.AppendUint64(nil, numbers[rng.IntN(len(numbers))])
		copy(data[at:], word[:1<<rng.IntN(4)])
	case 3: // a number that is slightly larger or smaller
		data[at] += byte(1 - 2*rng.IntN(2))
	case 4: // cut short
		data = data[:at]
	case 5: // a piece is missing
		data = append(data[:at], data[at+size:]...)
	case 6: // a piece twice
		data = append(data[:at+size:at+size], data[at:]...)
	case 7: // a piece of another file
		from := rng.IntN(len(other) + 1)
		data = append(data[:at:at], append(bytes.Clone(other[from:min(from+size, len(other))]), data[at+size:]...)...)
	}
	return data
}

func place(rng *rand.Rand, size int) int {
	if rng.IntN(2) == 0 {
		size = min(size, header)
	}
	return rng.IntN(size)
}

var (
	aNumber = regexp.MustCompile(`-?\d+(\.\d+)?([eE][-+]?\d+)?`)
	aText   = regexp.MustCompile(`"[^"]*"`)
	values  = []string{"0", "-1", "1", "1e308", "-1e999", "18446744073709551616", "9223372036854775807", "0.0000001", "null", "true", "{}", "[]", `""`, `"\u0000\u001b[31m"`, `"\ud800"`, "NaN", "1,1"}
)

// mutateText damages the values in JSON and similar text.
func mutateText(rng *rand.Rand, data []byte) []byte {
	pattern := aNumber
	if rng.IntN(2) == 0 {
		pattern = aText
	}
	value := values[rng.IntN(len(values))]
	switch rng.IntN(8) {
	case 0:
		value = strings.Repeat("[", 1<<(4+rng.IntN(14)))
	case 1:
		value = `"` + strings.Repeat("goose", 1<<(4+rng.IntN(11))) + `"`
	case 2:
		value = strings.Repeat(`{"a":`, 1<<(4+rng.IntN(11)))
	}
	found := pattern.FindAllIndex(data, 1<<12)
	if len(found) == 0 {
		return append(data, value...)
	}
	at := found[rng.IntN(len(found))]
	return append(data[:at[0]:at[0]], append([]byte(value), data[at[1]:]...)...)
}
