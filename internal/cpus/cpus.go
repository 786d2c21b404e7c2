// Package cpus tells how many threads a process can use for computing. It looks at the machine, the CPU affinity, and the limits
// of a container.
//
// Limits: it is untested on macOS. On Windows it sees only one group of at most 64 processors and no job limits. On systems other
// than Linux, macOS and Windows every processor counts as a core.
package cpus

import (
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/internal/units"
)

// Processors is what a process may compute on. The affinity limits which processors it may run on. A container limits how much of
// their time it gets.
type Processors struct {
	Allowed int     // logical processors that the affinity allows
	Cores   int     // physical cores of these processors
	Fast    int     // performance cores among them; equal to Cores if there is only one kind
	Quota   float64 // the container's limit in whole processors, such as 2.5; 0 means no limit
}

// Find looks at the machine and the process's limits. Both may change while the process runs.
func Find() Processors { return find().sensible() }

// Threads returns the default number of threads that compute together, at least 1. It is one thread per fast core, as far as the
// quota covers all of their time. ggml's threads wait for each other by spinning, so a slow or suspended thread delays all the
// others.
func (p Processors) Threads() int {
	n := p.Fast
	if p.Quota > 0 {
		n = min(n, int(p.Quota))
	}
	return max(1, n)
}

// Usable returns how many threads can run at the same time, at least 1.
func (p Processors) Usable() int {
	n := p.Allowed
	if p.Quota > 0 {
		n = min(n, int(math.Ceil(p.Quota)))
	}
	return max(1, n)
}

// sensible fills in unknown values: every processor is a core, and every core is fast.
func (p Processors) sensible() Processors {
	if p.Cores <= 0 || p.Cores > p.Allowed {
		p.Cores = p.Allowed
	}
	if p.Fast <= 0 || p.Fast > p.Cores {
		p.Fast = p.Cores
	}
	return p
}

// Fewer returns how many of n threads the processors can run at the same time. The note is empty if that is all of them.
func (p Processors) Fewer(n int) (most int, note string) {
	if most = p.Usable(); n <= most {
		return n, ""
	}
	return most, fmt.Sprintf("computing on %s, not on %d: this process may use %s, and more threads would only wait for each other",
		units.Count(most, "thread"), n, units.Count(most, "processor"))
}
