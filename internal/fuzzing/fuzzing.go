// Package fuzzing bounds what every fuzz target may use: the code under test must end, and its memory must stay in proportion to the input.
//
// Limits: it measures what Go allocates. ggml/ggmltest counts what C allocates.
package fuzzing

import (
	"fmt"
	"runtime/metrics"
	"testing"
	"time"
)

// The limits of one input. They are far above what any target needs. A busy machine changes nothing: an endless loop is told by
// the time it computes. One that waits for ever computes nothing, and is told late.
const (
	patience = 20 * time.Second // of computing
	waiting  = 10 * time.Minute
	glance   = 200 * time.Millisecond // how often memory is looked at while an input runs
	base     = 64 << 20               // bytes that may be allocated whatever the input
)

// Guard begins one input of size bytes. The function that it returns ends it and fails t if more than 64 MiB and perByte
// bytes for each byte of the input were allocated. An input that takes far more memory, or far too long, ends the process
// while it runs: go test reports that and keeps the input. The memory of goroutines that run beside t counts too.
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

// watch ends the process if so many bytes have been allocated, or too much time has gone, before done is closed.
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

// allocated is the number of bytes that the process has ever allocated in Go.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
