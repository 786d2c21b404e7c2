package ggml

import (
	"fmt"
	"runtime"

	"github.com/gosling-rwkv/gosling/bindings"
)

// Backend is a device made ready to compute, with its threads or queues.
type Backend struct {
	handle
	device Device
	p      bindings.Backend
	pool   bindings.Threadpool
	stop   bindings.Context // its no_alloc flag tells the CPU to stop, see prepareCPU
}

// ThreadsError is the error of a backend with more threads than the system lets the process start.
type ThreadsError struct {
	Want, Most int // the threads that were wanted, and that are possible; both count the caller's thread
}

func (e *ThreadsError) Error() string {
	return fmt.Sprintf("computing on %d threads: the system lets this process have %d: a limit is set, on processes (ulimit -u, or a container's) or on memory (ulimit -v)", e.Want, e.Most)
}

// DeviceError is the error of a device that ggml lists but cannot open.
type DeviceError struct{ name, description string }

func (e *DeviceError) Error() string {
	return fmt.Sprintf("%s (%s) cannot be opened", e.name, e.description)
}

// spareThreads are left at most to the Go runtime, which ends the process when it can start none: one for each of its processors.
const spareThreads = 8

// checkThreads returns a *ThreadsError if the process cannot have so many threads: ggml would end it.
func checkThreads(want int) error {
	if want <= 1 {
		return nil
	}
	spare := min(runtime.GOMAXPROCS(0), spareThreads)
	started := bindings.CountThreads(want - 1 + spare)
	if most := max(1, 1+started-spare); most < want {
		return &ThreadsError{want, most}
	}
	return nil
}

// NewBackend makes the device ready to compute. threads is the number of threads of the CPU; other devices ignore it. If the system does
// not give that many, the error is a *ThreadsError. If the device cannot be opened, it is a *DeviceError. The caller closes the backend.
func (d Device) NewBackend(threads int) (*Backend, error) {
	if d.cpu != nil {
		if err := checkThreads(threads); err != nil {
			return nil, err
		}
	}
	c := d.lib.c
	p := c.DevInit(d.p, 0)
	if p == 0 {
		return nil, &DeviceError{d.Name, d.Description}
	}
	b := &Backend{handle: newHandle(), device: d, p: p}
	if d.cpu != nil {
		b.prepareCPU(threads)
	}
	return b, nil
}

// prepareCPU starts the threads and gives the backend what stops it.
func (b *Backend) prepareCPU(threads int) {
	c, d := b.device.lib.c, b.device
	d.cpu.SetThreads(b.p, int32(threads))
	if d.cpu.ThreadpoolNew != nil && d.cpu.SetThreadpool != nil && d.cpu.ThreadpoolFree != nil {
		// A pool that outlives the graphs: without one ggml starts new threads for every computation.
		var params bindings.ThreadpoolParams
		c.ThreadpoolParamsInit(&params, int32(threads))
		params.Paused = true // until the first graph: threads that wait for a graph spin at first
		if b.pool = d.cpu.ThreadpoolNew(&params); b.pool != 0 {
			d.cpu.SetThreadpool(b.p, b.pool)
		}
	}
	// ggml asks a C function bool f(void *) after every operation whether to stop. ggml_get_no_alloc of a context that we
	// keep for its flag is such a function, so no Go code runs inside a graph.
	if address := c.Address("ggml_get_no_alloc"); address != 0 && d.cpu.SetAbortCallback != nil {
		if b.stop = c.Init(bindings.InitParams{MemSize: 1024}); b.stop != 0 {
			d.cpu.SetAbortCallback(b.p, address, uintptr(b.stop))
		}
	}
}

// Device returns the device of the backend.
func (b *Backend) Device() Device { return b.device }

// Close stops the threads and frees the backend. It is safe to call twice.
func (b *Backend) Close() {
	if b == nil || !b.shut() {
		return
	}
	b.device.lib.c.Backends.Free(b.p)
	if b.pool != 0 {
		b.device.cpu.ThreadpoolFree(b.pool)
	}
	if b.stop != 0 {
		b.device.lib.c.Base.Free(b.stop)
	}
	b.p = 0
}
