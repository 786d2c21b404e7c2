package cpus

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

func find() Processors { return inTree(os.DirFS("/"), affinity()) }

// affinity returns the processors that the process may run on.
func affinity() []int {
	var all []int
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) == nil {
		for i := range 64 * len(set) {
			if set.IsSet(i) {
				all = append(all, i)
			}
		}
	}
	if all == nil { // there are more than fit into a CPUSet
		for i := range runtime.NumCPU() {
			all = append(all, i)
		}
	}
	return all
}
