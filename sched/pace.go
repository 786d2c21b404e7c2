package sched

import (
	"time"

	"github.com/gosling-rwkv/gosling/rwkv"
)

// ladder is the lengths of chunks, the longest first. Each length needs a graph. What is left of a prompt below smallChunk is a chunk of its
// own. The lengths below are for models that take too long for smallChunk tokens.
var ladder = [rungs]int{512, 256, 128, 64, 32, smallChunk, 8, leastChunk}

const (
	rungs      = 8
	smallChunk = 16
	leastChunk = 4
)

// pace knows how long chunks of prompts take, and shares the time between reading and decoding.
type pace struct {
	latency time.Duration // of a chunk, while others decode
	alone   time.Duration // of a chunk otherwise
	share   float64       // of reading, while others decode

	took                 [rwkv.AllHidden + 1][rungs]time.Duration // chunks with each kind of rows, of each length of the ladder; 0 is not known
	readTime, decodeTime time.Duration                            // since both began to compete
}

// chunk returns how many of the next tokens of a prompt to read at once, with rows after every token.
func (p *pace) chunk(rows rwkv.Outputs, left int, others bool) int {
	limit := p.alone
	if others {
		limit = p.latency
	}
	for i, n := range ladder {
		fits := p.estimate(rows, i) <= limit
		switch {
		case n <= left && (fits || n == leastChunk):
			return n
		case n == smallChunk && fits:
			return left
		}
	}
	return left
}

// estimate returns how long a chunk of the ladder's i-th length takes, from the longest shorter length that was read. If none was read, it
// is as long as never, so that the first chunks are short.
func (p *pace) estimate(rows rwkv.Outputs, i int) time.Duration {
	for j := i; j < len(ladder); j++ {
		if took := p.took[rows][j]; took > 0 {
			return took * time.Duration(ladder[i]) / time.Duration(ladder[j])
		}
	}
	return 1<<63 - 1
}

// tookToRead takes note of the time for a chunk of n tokens.
func (p *pace) tookToRead(rows rwkv.Outputs, n int, d time.Duration) {
	p.readTime += d
	for i, length := range ladder {
		if length == n {
			p.took[rows][i] = average(p.took[rows][i], d)
		}
	}
}

// average joins an average of earlier times, or 0, with a new one.
func average(before, d time.Duration) time.Duration {
	if before == 0 {
		return max(d, 1)
	}
	return max((3*before+d)/4, 1)
}

// mayRead reports whether reading has had less than its share of the time.
func (p *pace) mayRead() bool {
	return float64(p.readTime)*(1-p.share) <= float64(p.decodeTime)*p.share
}

// forget forgets the time when nobody competes.
func (p *pace) forget() { p.readTime, p.decodeTime = 0, 0 }
