package cpus

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

const devices = "sys/devices/system/cpu"

// inTree reads what Linux reports below root about the processors that the affinity allows. Missing files leave values unknown.
func inTree(root fs.FS, affinity []int) Processors {
	allowed := affinity
	if online, ok := list(root, devices+"/online"); ok {
		if both := common(affinity, online); len(both) > 0 {
			allowed = both
		}
	}
	return Processors{
		Allowed: len(allowed), Cores: cores(root, allowed), Fast: cores(root, fast(root, allowed)),
		Quota: quota(root),
	}
}

// cores counts the physical cores of processors. A processor without topology information counts as a core.
func cores(root fs.FS, processors []int) int {
	seen := map[string]bool{}
	for _, n := range processors {
		core := strconv.Itoa(n)
		for _, name := range []string{"core_cpus_list", "thread_siblings_list"} { // the new and the old name
			if siblings := text(root, fmt.Sprintf("%s/cpu%d/topology/%s", devices, n, name)); siblings != "" {
				core = siblings
				break
			}
		}
		seen[core] = true
	}
	return len(seen)
}

// fast returns the processors on performance cores. It returns all of them if none is, or if there is only one kind.
func fast(root fs.FS, processors []int) []int {
	isFast := fastOfArm(root)
	if intel, ok := list(root, "sys/devices/cpu_core/cpus"); ok {
		isFast = func(n int) bool { return slices.Contains(intel, n) }
	}
	var all []int
	for _, n := range processors {
		if isFast(n) {
			all = append(all, n)
		}
	}
	if all == nil {
		return processors
	}
	return all
}

// fastOfArm tells fast Arm processors by their capacity, which is 1024 for the fastest. The slowest kind is not fast unless it is
// nearly as fast as the fastest. One threshold for the fastest kind only would not do: a phone has few such cores, and a server
// has some with another clock.
func fastOfArm(root fs.FS) func(n int) bool {
	capacity := func(n int) int {
		c, _ := strconv.Atoi(text(root, fmt.Sprintf("%s/cpu%d/cpu_capacity", devices, n)))
		return c
	}
	least, most := 0, 0
	present, _ := list(root, devices+"/present")
	for _, n := range present {
		if c := capacity(n); c > 0 {
			most = max(most, c)
			if least == 0 || c < least {
				least = c
			}
		}
	}
	if 3*least >= 2*most {
		return func(int) bool { return true }
	}
	return func(n int) bool { return 4*capacity(n) > 5*least } // cores of the same kind may have two clocks
}

// text returns the trimmed content of a small file, or "" if there is none.
func text(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// mostProcessors limits the numbers in a list. No kernel supports that many.
const mostProcessors = 1 << 16

// list reads a list of processors such as "0-3,8". It reports whether the list exists and is not empty.
func list(root fs.FS, name string) ([]int, bool) {
	var all []int
	for part := range strings.SplitSeq(text(root, name), ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		if err != nil {
			return nil, false
		}
		last := first
		if isRange {
			if last, err = strconv.Atoi(to); err != nil {
				return nil, false
			}
		}
		if first < 0 || last >= mostProcessors {
			return nil, false
		}
		for n := first; n <= last; n++ {
			all = append(all, n)
		}
	}
	return all, len(all) > 0
}

// common returns the elements of a that are also in b.
func common(a, b []int) []int {
	var both []int
	for _, n := range a {
		if slices.Contains(b, n) {
			both = append(both, n)
		}
	}
	return both
}
