//go:build !unix

package fuzzing

import "time"

var start = time.Now()

// cpuTime returns the time since the process began. Here the CPU time is not known.
func cpuTime() time.Duration { return time.Since(start) }
