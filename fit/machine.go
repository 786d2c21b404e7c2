package fit

import (
	"os"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

// limits are where Linux keeps the memory limit of a container, of its two ways to make one.
var limits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// ThisRAM is the memory of the machine, or of the container that the program runs in.
func ThisRAM() (int64, error) {
	v, err := mem.VirtualMemory()
	if err != nil {
		return 0, err
	}
	ram := int64(v.Total)
	for _, path := range limits {
		if limit, ok := readLimit(path); ok {
			ram = min(ram, limit)
		}
	}
	return ram, nil
}

// FreeRAM is how much of ThisRAM other programs leave, what the system only caches being free.
func FreeRAM() (int64, error) {
	v, err := mem.VirtualMemory()
	if err != nil {
		return 0, err
	}
	ram, err := ThisRAM()
	return min(ram, int64(v.Available)), err
}

// readLimit reads a number of bytes; the word max and files that are not there are none.
func readLimit(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0
}
