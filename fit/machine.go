package fit

import (
	"os"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

// limits are the files in which Linux keeps a container's memory limit, for control groups of version 2 and 1.
var limits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// ThisRAM returns the memory of the machine, or of the container that the program runs in.
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

// FreeRAM returns how much of ThisRAM other programs leave free. Memory that the system uses as a cache counts as free.
func FreeRAM() (int64, error) {
	v, err := mem.VirtualMemory()
	if err != nil {
		return 0, err
	}
	ram, err := ThisRAM()
	return min(ram, int64(v.Available)), err
}

// readLimit reads a number of bytes. It reports false for the word max and for a missing file.
func readLimit(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0
}
