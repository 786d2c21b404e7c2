// Package fuzzing limits the resources of fuzz targets: the code under test must end, and its memory must stay in proportion to
// the input.
//
// Limits: it measures what Go allocates. ggml/ggmltest counts what C allocates.
package fuzzing

import (
	"fmt"
	"runtime/metrics"
	"testing"
	"time"
)

// The limits of one input, far above what any target needs. A busy machine does not matter, because an endless loop is recognized
// by its CPU time. A target that waits for ever uses no CPU time and is recognized late.
const (
	patience = 20 * time.Second // of CPU time
	waiting  = 10 * time.Minute
	glance   = 200 * time.Millisecond // how often memory is checked while an input runs
	base     = 64 << 20               // bytes that any input may allocate
)

// Guard begins an input of size bytes. The function it returns ends the input. It fails t if the target allocated more than 64
// MiB plus perByte bytes per byte of input. If an input takes far too much memory or time, Guard ends the process: go test
// reports that and keeps the input. The memory of other goroutines counts too.
//
//	f.Fuzz(func(t *testing.T, data []byte) {
//		defer fuzzing.Guard(t, len(data), 64)()
func Guard(t testing.TB, size, perByte int) func() {
	limit := base + uint64(size)*uint64(perByte)
	before := allocated()
	done := make(chan struct{})
	go watch(t.Name(), done, before+2*limit)
	return func() {
		t.Helper()
		close(done)
		if made := allocated() - before; made > limit {
			t.Errorf("%d bytes allocated for an input of %d, want at most %d", made, size, limit)
		}
	}
}

// watch ends the process if more than most bytes are allocated, or too much time passes, before done is closed.
func watch(name string, done <-chan struct{}, most uint64) {
	began, computed := time.Now(), cpuTime()
	ticks := time.NewTicker(glance)
	defer ticks.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticks.C:
		}
		if allocated() > most {
			panic(name + ": far too many bytes allocated for one input")
		}
		if cpuTime()-computed > patience || time.Since(began) > waiting {
			panic(fmt.Sprintf("%s: no end after %s", name, time.Since(began).Round(time.Second)))
		}
	}
}

// allocated returns the total number of bytes that the process has allocated in Go.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
