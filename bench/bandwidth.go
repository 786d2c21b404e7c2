package bench

import (
	"bytes"
	"context"
	"math"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// enough is the least memory to read for a measurement. Less memory may fit in caches.
const enough = 32 << 20

// Bandwidth returns the number of bytes per second that the given number of threads read together. It is the best of several
// measurements. The threads read memory, such as a model's weights. If memory is too small, they read a buffer. The bandwidth is NaN if
// the clock does not move.
func Bandwidth(ctx context.Context, memory [][]byte, threads int) (float.Number, error) {
	const measurements = 4
	now := clock.Of(ctx)
	total := 0
	for _, m := range memory {
		total += len(m)
	}
	if total < enough {
		total = 4 * enough
		memory = [][]byte{bytes.Repeat([]byte{1}, total)} // written, because all unwritten pages are the same page
	}
	best := float.Number(math.NaN())
	for range measurements {
		took, err := repeat(func() (time.Duration, error) {
			begin := now()
			readAll(memory, threads)
			return now.Since(begin), ctx.Err()
		})
		if err != nil {
			return 0, err
		}
		width := float.Rate(float64(total), took)
		if !width.Finite() {
			return width, nil
		}
		if !(width < best) {
			best = width
		}
	}
	return best, nil
}

// readAll reads the memory. Each thread reads its share.
func readAll(memory [][]byte, threads int) {
	var wait sync.WaitGroup
	for i := range threads {
		wait.Go(func() {
			for _, m := range memory {
				part := m[len(m)/threads*i : len(m)/threads*(i+1)]
				bytes.Count(part, []byte{2}) // reads in vectors, as the kernels do
			}
		})
	}
	wait.Wait()
}
