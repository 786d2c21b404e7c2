//go:build !unix

package fuzzing

import "time"

var start = time.Now()

// cpuTime is the time since the process began, where the time that it has computed is not known.
func cpuTime() time.Duration { return time.Since(start) }
