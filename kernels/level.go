package kernels

import (
	"fmt"
	"strings"
)

// Level is a set of instructions that kernels use.
type Level int

// The levels. A processor that has one also has those before it.
const (
	None Level = iota // no kernels
	AVX2              // AVX2, FMA and F16C
	VNNI              // also AVX-512 F, BW, VL and VNNI
)

var levels = []string{None: "off", AVX2: "avx2", VNNI: "vnni"}

// String returns the level's name: "off", "avx2" or "vnni".
func (l Level) String() string { return levels[l] }

// SettingError is the error of a setting that ParseLevel does not know.
type SettingError struct {
	Setting string
	Want    string // the known settings
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("kernels: %q: want one of %s", e.Setting, e.Want)
}

// ParseLevel returns the level that a setting asks for:
//
//   - "auto" or "" is the best level that the processor has, or None.
//   - "on" is the best level too. It is an error if the processor has none.
//   - "off" is None.
//   - The name of a level is that level. It is an error if the processor does not have it.
//
// For any other setting the error is a *SettingError.
func ParseLevel(setting string) (Level, error) {
	best := Best()
	switch setting {
	case "", "auto":
		return best, nil
	case "on":
		if best == None {
			return None, fmt.Errorf("kernels: this processor runs none: it lacks AVX2, FMA or F16C")
		}
		return best, nil
	}
	for l, name := range levels {
		if name != setting {
			continue
		}
		if Level(l) > best {
			return None, fmt.Errorf("kernels: this processor does not run level %q, its best is %q", name, best)
		}
		return Level(l), nil
	}
	return None, &SettingError{Setting: setting, Want: "auto, on, " + strings.Join(levels, ", ")}
}
