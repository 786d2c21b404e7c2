package cli

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// enough is how much memory a measurement of the bandwidth wants to read: less may lie in caches.
const enough = 32 << 20

// bandwidth measures how many bytes per second the given number of threads read together: the best of some passes over
// the model's weights, which costs no memory beside them, or over a buffer where too few lie in the CPU's own memory.
func bandwidth(ctx context.Context, memory [][]byte, threads int) (float64, error) {
	const passes = 4
	total := 0
	for _, m := range memory {
		total += len(m)
	}
	if total < enough {
		total = 4 * enough
		memory = [][]byte{bytes.Repeat([]byte{1}, total)} // written, since pages that never were are all the same one
	}
	best := time.Duration(0)
	for range passes {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		begin := time.Now()
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
		if took := time.Since(begin); best == 0 || took < best {
			best = took
		}
	}
	return float64(total) / best.Seconds(), nil
}
