package kernels

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Step is a call of a Program and the memory that it uses.
type Step struct {
	Call          unsafe.Pointer // see Call.Pointer
	Reads, Writes []Range
}

// Range is memory from one address to another.
type Range struct{ From, To uintptr }

// Program computes steps as if one ran after another. It runs on the goroutines of a Crew. They take pieces of steps and never wait for
// each other: a stage of the program is over when its pieces are done, not when all goroutines have come. So a goroutine whose processor
// is busy with another program delays at most the piece that it has taken.
//
// A Program belongs to one goroutine at a time.
type Program struct {
	stages  []stage
	runs    uint64 // completed
	stopped atomic.Bool
}

// stage is a part of a program whose steps do not depend on each other.
type stage struct {
	calls  []*shared
	ends   []uint64 // for each call, the pieces up to its end
	pieces uint64   // of all calls

	// Both counters only grow. In a run they begin at pieces times the number of earlier runs. So a goroutine that is late by a run finds
	// nothing to take.
	_    [64]byte
	next uint64 // pieces that are taken
	_    [56]byte
	done uint64 // pieces that are done
	_    [56]byte
}

// NewProgram returns the program of steps. A step goes to the first stage after those of all earlier steps whose memory it needs or
// changes, or that need memory that it changes. Memory that only some of the steps use must not be freed before the program's last run.
func NewProgram(steps []Step) *Program {
	p := &Program{}
	at, last := make([]int, len(steps)), make([]int, len(steps)) // the stage of each step, and the last stage up to it
	for i, s := range steps {
		for j := i - 1; j >= 0 && last[j] >= at[i]; j-- {
			if at[j] >= at[i] && s.after(steps[j]) {
				at[i] = at[j] + 1
			}
		}
		last[i] = at[i]
		if i > 0 {
			last[i] = max(last[i-1], at[i])
		}
		if at[i] == len(p.stages) {
			p.stages = append(p.stages, stage{})
		}
		p.stages[at[i]].add((*shared)(s.Call))
	}
	return p
}

// after reports whether s must run after an earlier step.
func (s Step) after(earlier Step) bool {
	return overlap(s.Reads, earlier.Writes) || overlap(s.Writes, earlier.Writes) || overlap(s.Writes, earlier.Reads)
}

func overlap(a, b []Range) bool {
	return slices.ContainsFunc(a, func(x Range) bool {
		return slices.ContainsFunc(b, func(y Range) bool { return x.From < y.To && y.From < x.To })
	})
}

func (s *stage) add(call *shared) {
	s.pieces += uint64(call.pieces)
	s.calls, s.ends = append(s.calls, call), append(s.ends, s.pieces)
}

// run runs a piece of the stage as goroutine ith of a crew.
func (s *stage) run(piece uint64, ith int) {
	i := 0
	for piece >= s.ends[i] {
		i++
	}
	call := s.calls[i]
	first := s.ends[i] - uint64(call.pieces)
	runPiece(unsafe.Pointer(call), int64(piece-first), call.scratch+uintptr(int64(ith)*call.threadScratch))
}

// Stages returns the number of stages. It is 0 for a nil Program.
func (p *Program) Stages() int {
	if p == nil {
		return 0
	}
	return len(p.stages)
}

// Crew is a number of goroutines that run programs. It may be shared, but runs one program at a time. The caller closes it.
type Crew struct {
	members []member // the first one is the goroutine that calls Run
	ended   sync.WaitGroup

	_      [64]byte
	jobs   uint64 // grows when there is a new job, and when the crew is closed
	closed atomic.Bool
	job    atomic.Pointer[job]
}

// job is one run of a program.
type job struct {
	program *Program
	run     uint64
}

// member is one of the goroutines.
type member struct {
	asleep atomic.Bool
	wake   chan struct{} // gets something after asleep has been set to false
	_      [48]byte
}

// NewCrew returns a crew of n goroutines, at least one.
func NewCrew(n int) *Crew {
	c := &Crew{members: make([]member, max(1, n))}
	for i := range c.members {
		c.members[i].wake = make(chan struct{}, 1)
	}
	for i := range c.members[1:] {
		c.ended.Go(func() { c.serve(i + 1) })
	}
	return c
}

// Size returns the number of goroutines.
func (c *Crew) Size() int { return len(c.members) }

// Close ends the goroutines. It is safe to call it twice, and on a nil Crew.
func (c *Crew) Close() {
	if c == nil || c.closed.Swap(true) {
		return
	}
	c.call()
	c.ended.Wait()
}

// looks is how many times a goroutine looks for work before it sleeps. That takes some 50 µs: longer than a piece, and much shorter than
// the time slices in which an operating system gives the processor to other programs.
const looks = 1500

// wait returns when there is what member ith waits for. It looks first, and then sleeps.
func (c *Crew) wait(ith int, look func(times int64) bool) {
	for m := &c.members[ith]; !look(looks); {
		m.asleep.Store(true)
		if look(1) {
			if !m.asleep.CompareAndSwap(true, false) {
				<-m.wake // somebody is sending
			}
			return
		}
		<-m.wake
	}
}

// wake wakes the members that sleep.
func (c *Crew) wake() {
	for i := range c.members {
		if m := &c.members[i]; m.asleep.Load() && m.asleep.CompareAndSwap(true, false) {
			m.wake <- struct{}{}
		}
	}
}

// call tells the members that there is a new job, or that the crew is closed.
func (c *Crew) call() {
	atomic.AddUint64(&c.jobs, 1)
	c.wake()
}

// serve is what the goroutines other than the first do.
func (c *Crew) serve(ith int) {
	for seen := uint64(0); ; {
		c.wait(ith, func(times int64) bool { return lookAt(&c.jobs, seen+1, times) })
		if seen = atomic.LoadUint64(&c.jobs); c.closed.Load() {
			return
		}
		c.work(c.job.Load(), ith, func() {})
	}
}

// Run runs the program. If ctx ends first, the pieces that are left are skipped, and Run returns ctx's error. Then some results are missing.
func (c *Crew) Run(ctx context.Context, p *Program) error {
	if err := ctx.Err(); err != nil || len(p.stages) == 0 {
		return err
	}
	j := &job{p, p.runs}
	p.stopped.Store(false)
	c.job.Store(j)
	c.call()
	ended := ctx.Done()
	c.work(j, 0, func() {
		select {
		case <-ended:
			p.stopped.Store(true)
		default:
		}
	})
	p.runs++
	if p.stopped.Load() {
		return ctx.Err()
	}
	return nil
}

// work runs the pieces that member ith can take, stage after stage. It calls begin before each stage.
func (c *Crew) work(j *job, ith int, begin func()) {
	p := j.program
	for i := range p.stages {
		begin()
		s := &p.stages[i]
		first := j.run * s.pieces
		end := first + s.pieces
		for next := atomic.LoadUint64(&s.next); next < end; next = atomic.LoadUint64(&s.next) {
			if !atomic.CompareAndSwapUint64(&s.next, next, next+1) {
				continue
			}
			if !p.stopped.Load() {
				s.run(next-first, ith)
			}
			if atomic.AddUint64(&s.done, 1) == end {
				c.wake()
			}
		}
		if atomic.LoadUint64(&s.done) < end {
			c.wait(ith, func(times int64) bool { return lookAt(&s.done, end, times) })
		}
	}
}
