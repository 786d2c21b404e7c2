// Package cpus says on how many threads a process may compute. It looks at the machine, the CPU affinity, and the limits of a container.
//
// Limits: it is untested on macOS. On Windows it sees only one group of at most 64 processors, and no limit of a job. On systems other
// than these and Linux, every processor counts as a core.
package cpus

import "math"

// Processors is what a process may compute on. Affinity says which processors it may run on; a container's limit says how much of
// their time it gets.
type Processors struct {
	Allowed int     // logical processors that affinity leaves
	Cores   int     // physical cores that these belong to
	Fast    int     // of those, the performance cores; all where there is only one kind
	Quota   float64 // processors whose whole time a container's limit gives; 0 without limit
}

// Find looks at the machine and the process's limits, which may change while it runs.
func Find() Processors { return find().sensible() }

// Threads is how many threads should compute together by default: one for each fast core, if the quota gives it all of its time.
// It is at least 1. Threads of ggml wait for each other by spinning, so one that gets no time, or is slow, holds up the others.
func (p Processors) Threads() int {
	n := p.Fast
	if p.Quota > 0 {
		n = min(n, int(p.Quota))
	}
	return max(1, n)
}

// Usable is how many threads can run at the same time, at least 1.
func (p Processors) Usable() int {
	n := p.Allowed
	if p.Quota > 0 {
		n = min(n, int(math.Ceil(p.Quota)))
	}
	return max(1, n)
}

// sensible fills in what is not known, as if every processor were a core and every core a fast one.
func (p Processors) sensible() Processors {
	if p.Cores <= 0 || p.Cores > p.Allowed {
		p.Cores = p.Allowed
	}
	if p.Fast <= 0 || p.Fast > p.Cores {
		p.Fast = p.Cores
	}
	return p
}
