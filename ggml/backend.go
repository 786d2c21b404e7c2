package ggml

import (
	"context"
	"fmt"
	"unsafe"

	"gosling/bindings"
)

// Backend is a device made ready to compute, with its threads or queues.
type Backend struct {
	device Device
	p      bindings.Backend
	pool   bindings.Threadpool
	stop   bindings.Context // its no_alloc flag tells the CPU to stop, see NewBackend
}

// NewBackend makes the device ready. threads counts for the CPU only.
func (d Device) NewBackend(threads int) (*Backend, error) {
	c := d.lib.c
	p := c.DevInit(d.p, 0)
	if p == 0 {
		return nil, fmt.Errorf("%s (%s) cannot be opened: try --device cpu", d.Name, d.Description)
	}
	live.Add(1)
	b := &Backend{device: d, p: p}
	if d.cpu == nil {
		return b, nil
	}
	d.cpu.SetThreads(p, int32(threads))
	if d.cpu.ThreadpoolNew != nil && d.cpu.SetThreadpool != nil && d.cpu.ThreadpoolFree != nil {
		// A pool that outlives the graphs: without one ggml starts new threads for every computation.
		var params bindings.ThreadpoolParams
		c.ThreadpoolParamsInit(&params, int32(threads))
		if b.pool = d.cpu.ThreadpoolNew(&params); b.pool != 0 {
			d.cpu.SetThreadpool(p, b.pool)
		}
	}
	// ggml asks a C function bool f(void *) after every operation whether to stop. ggml_get_no_alloc of a context that we
	// keep for its flag is such a function, so no Go code runs inside a graph.
	if address := c.Address("ggml_get_no_alloc"); address != 0 && d.cpu.SetAbortCallback != nil {
		if b.stop = c.Init(bindings.InitParams{MemSize: 1024}); b.stop != 0 {
			d.cpu.SetAbortCallback(p, address, uintptr(b.stop))
		}
	}
	return b, nil
}

// Device is the device of the backend.
func (b *Backend) Device() Device { return b.device }

// Close stops the threads and frees the backend. It is safe to call twice.
func (b *Backend) Close() {
	if b == nil || b.p == 0 {
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
	live.Add(-1)
}

// Scheduler runs one graph across backends: an operation where its weights are, or on the last backend, the CPU, where a
// device lacks it.
type Scheduler struct {
	lib      *Library
	p        bindings.Sched
	backends []*Backend
}

// NewScheduler makes a scheduler for graphs of at most size operations. The backends come in order of preference, the CPU
// last; they must outlive it.
func (l *Library) NewScheduler(size int, backends ...*Backend) (*Scheduler, error) {
	if len(backends) == 0 || backends[len(backends)-1].device.Type != CPU {
		return nil, fmt.Errorf("a scheduler needs the CPU as its last backend")
	}
	handles := make([]bindings.Backend, len(backends))
	for i, b := range backends {
		handles[i] = b.p
	}
	p := l.c.SchedNew(unsafe.Pointer(&handles[0]), nil, int32(len(handles)), uintptr(size), false, false)
	if p == 0 {
		return nil, fmt.Errorf("no memory for a scheduler")
	}
	live.Add(1)
	return &Scheduler{lib: l, p: p, backends: backends}, nil
}

// Alloc finds room for the graph's results. It is called once; Compute may follow many times.
func (s *Scheduler) Alloc(g *Graph) error {
	if g.err != nil {
		return g.err
	}
	for _, pin := range g.pins {
		for _, b := range s.backends {
			if b.device.p == pin.device {
				s.lib.c.SchedSetTensorBackend(s.p, pin.node, b.p)
			}
		}
	}
	if !s.lib.c.SchedAllocGraph(s.p, g.p) {
		return fmt.Errorf("no room for the results of a graph of %d operations: try smaller chunks or fewer layers on the device", g.Nodes())
	}
	return nil
}

// Compute runs the graph. When ctx ends, the CPU stops before its next operation and ctx's error is returned; what the
// graph has written until then stays, so the state is spoiled.
func (s *Scheduler) Compute(ctx context.Context, g *Graph) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if cpu := s.backends[len(s.backends)-1]; cpu.stop != 0 && ctx.Done() != nil {
		told := make(chan struct{})
		release := context.AfterFunc(ctx, func() {
			s.lib.c.SetNoAlloc(cpu.stop, true)
			close(told)
		})
		defer func() {
			if !release() {
				<-told // else the flag could be raised after it is lowered here, and stop the next computation
			}
			s.lib.c.SetNoAlloc(cpu.stop, false)
		}()
	}
	switch status := s.lib.c.SchedGraphCompute(s.p, g.p); {
	case ctx.Err() != nil:
		return ctx.Err()
	case status == bindings.StatusAllocFailed:
		return fmt.Errorf("out of memory while computing: try smaller chunks or fewer layers on the device")
	case status != bindings.StatusSuccess:
		return fmt.Errorf("ggml could not compute the graph: status %d", status)
	}
	return nil
}

// Splits is the number of parts that the graph was cut into, one after another on one backend each.
func (s *Scheduler) Splits() int { return int(s.lib.c.SchedSplits(s.p)) }

// BufferSize is the memory in bytes that the graph's results take on all backends.
func (s *Scheduler) BufferSize() int64 {
	n := int64(0)
	for _, b := range s.backends {
		n += int64(s.lib.c.SchedBufferSize(s.p, b.p))
	}
	return n
}

// Close frees the scheduler and the results of its graph. It is safe to call twice.
func (s *Scheduler) Close() {
	if s == nil || s.p == 0 {
		return
	}
	s.lib.c.SchedFree(s.p)
	s.p = 0
	live.Add(-1)
}
