package cli

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"time"
)

// bandwidth measures how many bytes per second the given number of threads read from memory together: the best of some
// passes over a buffer that no cache holds.
func bandwidth(ctx context.Context, threads int) (float64, error) {
	const passes = 4
	part := bandwidthBuffer / threads
	parts := make([][]byte, threads)
	best := time.Duration(0)
	for pass := range passes + 1 { // the first one makes the pages
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		begin := time.Now()
		var wait sync.WaitGroup
		for i := range parts {
			wait.Go(func() {
				if pass == 0 {
					parts[i] = bytes.Repeat([]byte{1}, part)
				}
				// A search for what is not there reads in vectors, as the kernels do.
				bytes.IndexByte(parts[i], 2)
			})
		}
		wait.Wait()
		if took := time.Since(begin); pass > 0 && (best == 0 || took < best) {
			best = took
		}
	}
	runtime.KeepAlive(parts)
	return float64(part*threads) / best.Seconds(), nil
}

// bandwidthBuffer is what is read: larger than caches are, small enough for small machines.
const bandwidthBuffer = 512 << 20
