//go:build !linux && !darwin && !windows

package cpus

import "runtime"

func find() Processors { return Processors{Allowed: runtime.NumCPU()} }
