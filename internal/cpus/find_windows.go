package cpus

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	kernel32        = windows.NewLazySystemDLL("kernel32.dll")
	coreInformation = kernel32.NewProc("GetLogicalProcessorInformationEx")
	affinityMask    = kernel32.NewProc("GetProcessAffinityMask")
)

func find() Processors {
	p := fromRecords(coreRecords(), affinity())
	if p.Allowed == 0 {
		p.Allowed = runtime.NumCPU()
	}
	return p
}

// coreRecords returns the records of all cores, or nil if Windows does not tell.
func coreRecords() []byte {
	const relationProcessorCore = 0
	if coreInformation.Find() != nil {
		return nil
	}
	size := uint32(0)
	_, _, _ = coreInformation.Call(relationProcessorCore, 0, uintptr(unsafe.Pointer(&size)))
	if size == 0 {
		return nil
	}
	b := make([]byte, size)
	if ok, _, _ := coreInformation.Call(relationProcessorCore, uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&size))); ok == 0 {
		return nil
	}
	return b[:min(int(size), len(b))]
}

// affinity returns a bit mask of the processors in the process's group that it may run on, or 0 if Windows does not tell.
func affinity() uint64 {
	var process, system uintptr
	if affinityMask.Find() != nil {
		return 0
	}
	if ok, _, _ := affinityMask.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&process)), uintptr(unsafe.Pointer(&system))); ok == 0 {
		return 0
	}
	return uint64(process)
}
