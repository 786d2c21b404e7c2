package fit

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var memoryForm = regexp.MustCompile(`^(?i)([0-9]*\.?[0-9]+)\s*(?:([kmgt])(i?b)?|b)?$`)

// ParseMemory parses the size of a machine's memory and returns it in bytes. The text is a number with K, M, G or T, in powers of
// 1024 with or without "i". A small number without a unit is in GiB.
func ParseMemory(text string) (int64, error) {
	m := memoryForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, err
	}
	exponent := strings.Index("-kmgt", strings.ToLower(m[2]))
	switch {
	case m[2] == "" && n < 4096:
		exponent = 3 // nobody means bytes
	case m[2] == "":
		exponent = 0
	}
	if n *= math.Pow(1024, float64(exponent)); n > 1<<50 {
		return 0, fmt.Errorf("%q is more than any machine has", text)
	}
	return int64(n), nil
}
