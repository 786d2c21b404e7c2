package ggml

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/gosling-rwkv/gosling/bindings"
)

// Scheduler runs one graph on one or several backends. An operation runs on the backend that has its weights. If that backend lacks the
// operation, it runs on the last one, the CPU. A Scheduler belongs to one goroutine at a time.
type Scheduler struct {
	handle
	lib      *Library
	graph    *Graph
	backends []*Backend
	size     int64              // bytes of the results, if the CPU computes alone
	results  bindings.Allocator // of the CPU alone
	sched    bindings.Sched     // of several backends
}

// NewScheduler allocates memory for the graph's results. Then the graph can be computed again and again, but no operation can be added to
// it. The backends are in order of preference, the CPU last. The caller closes the scheduler before the graph and the backends. Too little
// memory is an error.
func (l *Library) NewScheduler(g *Graph, backends ...*Backend) (*Scheduler, error) {
	if len(backends) == 0 || backends[len(backends)-1].device.Type != CPU {
		return nil, fmt.Errorf("a scheduler needs the CPU as its last backend")
	}
	if err := g.finish(); err != nil {
		return nil, err
	}
	s := &Scheduler{handle: newHandle(), lib: l, graph: g, backends: backends}
	err := s.alloc()
	if err == nil {
		err = g.place()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// What ggml takes for each tensor of a graph, at most: an allocator for its tables, and a scheduler for headers of the copies
// that it may make of 30 operands, two of each.
const (
	allocatorBytes   = 640
	schedulerHeaders = 60
)

// alloc finds room for the results.
func (s *Scheduler) alloc() error {
	c, g := s.lib.c, s.graph
	if err := room(int64(g.tensors())*allocatorBytes, s.what("the tables")); err != nil {
		return err
	}
	s.results = c.AllocatorNew(s.cpu().device.BufferType().p)
	var size uintptr
	c.AllocatorSize(s.results, g.p, nil, nil, &size)
	s.size = int64(size)
	if err := room(s.size+2*g.work, s.what("the results")); err != nil {
		return err
	}
	if len(s.backends) > 1 {
		return s.share()
	}
	if !c.AllocatorReserve(s.results, g.p) || !c.AllocatorAlloc(s.results, g.p) {
		return &memoryError{s.what("the results"), s.size}
	}
	return nil
}

// share spreads the graph over the backends, on each of which there must be room for all of its results.
func (s *Scheduler) share() error {
	c, g := s.lib.c, s.graph
	c.AllocatorFree(s.results)
	s.results = 0
	for _, b := range s.backends[:len(s.backends)-1] {
		if err := b.device.tryRoom(s.size, s.what("the results")); err != nil {
			return err
		}
	}
	tensors := int64(g.tensors())
	if err := room(tensors*schedulerHeaders*s.lib.header(), s.what("the scheduler")); err != nil {
		return err
	}
	handles := make([]bindings.Backend, len(s.backends))
	for i, b := range s.backends {
		handles[i] = b.p
	}
	s.sched = c.SchedNew(unsafe.Pointer(&handles[0]), nil, int32(len(handles)), uintptr(tensors), false, false)
	for _, pin := range g.pins {
		for _, b := range s.backends {
			if b.device.p == pin.device {
				c.SchedSetTensorBackend(s.sched, pin.node, b.p)
			}
		}
	}
	if !c.SchedAllocGraph(s.sched, g.p) {
		return fmt.Errorf("no room for %s: try smaller chunks or fewer layers on the device", s.what("the results"))
	}
	return nil
}

// tryRoom returns an error if the device cannot have a buffer of so many bytes. ggml's scheduler crashes then.
func (d Device) tryRoom(size int64, what string) error {
	c, kind := d.lib.c, d.BufferType().p
	p := c.BuftAllocBuffer(kind, min(uintptr(size), c.BuftMaxSize(kind)))
	if p == 0 {
		free, _ := d.Memory()
		return fmt.Errorf("%s: no room for %s, %.1f MiB, %.1f MiB are free: try smaller chunks or fewer layers on the device", d.Name, what, mib(size), mib(free))
	}
	c.BufferFree(p)
	return nil
}

func (s *Scheduler) what(part string) string {
	return fmt.Sprintf("%s of a graph of %d operations", part, s.graph.Nodes())
}

func (s *Scheduler) cpu() *Backend { return s.backends[len(s.backends)-1] }

// Compute runs the graph. If ctx ends first, the CPU stops before its next operation, and Compute returns ctx's error. The graph may have
// written a part of the state by then, so the state cannot be used.
func (s *Scheduler) Compute(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if cpu := s.cpu(); cpu.stop != 0 && ctx.Done() != nil {
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
	switch status := s.compute(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case status == bindings.StatusAllocFailed:
		return fmt.Errorf("out of memory while computing: try smaller chunks or fewer layers on the device")
	case status != bindings.StatusSuccess:
		return fmt.Errorf("ggml could not compute the graph: status %d", status)
	}
	return nil
}

func (s *Scheduler) compute() bindings.Status {
	if s.sched != 0 {
		return s.lib.c.SchedGraphCompute(s.sched, s.graph.p)
	}
	return s.lib.c.GraphCompute(s.cpu().p, s.graph.p)
}

// Splits returns the number of parts that the graph was cut into. The parts run one after another, each on one backend.
func (s *Scheduler) Splits() int {
	if s.sched == 0 {
		return 1
	}
	return int(s.lib.c.SchedSplits(s.sched))
}

// BufferSize returns the memory of the graph's results on all backends together, in bytes.
func (s *Scheduler) BufferSize() int64 {
	if s.sched == 0 {
		return s.size
	}
	n := int64(0)
	for _, b := range s.backends {
		n += int64(s.lib.c.SchedBufferSize(s.sched, b.p))
	}
	return n
}

// Close frees the scheduler and the results of its graph. It is safe to call twice.
func (s *Scheduler) Close() {
	if s == nil || !s.shut() {
		return
	}
	if s.results != 0 {
		s.lib.c.AllocatorFree(s.results)
	}
	if s.sched != 0 {
		s.lib.c.SchedFree(s.sched)
	}
	s.results, s.sched = 0, 0
}
