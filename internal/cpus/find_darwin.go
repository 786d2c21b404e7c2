package cpus

import (
	"runtime"

	"golang.org/x/sys/unix"
)

func find() Processors {
	count := func(name string) int {
		n, err := unix.SysctlUint32(name)
		if err != nil {
			return 0
		}
		return int(n)
	}
	return Processors{
		Allowed: runtime.NumCPU(), Cores: count("hw.physicalcpu"),
		Fast: count("hw.perflevel0.physicalcpu"), // Apple silicon only
	}
}
