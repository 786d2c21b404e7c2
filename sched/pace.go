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
	latency time.Duration // of a chunk. It holds also while nothing decodes, for the texts that come meanwhile
	share   float64       // of reading, while others decode

	took                 [rwkv.AllHidden + 1][rungs]time.Duration // chunks with each kind of rows, of each length of the ladder; 0 is not known
	readTime, decodeTime time.Duration                            // since both began to compete
	inRow                time.Duration                            // of reading, since the last step of decoding
}

// chunk returns how many of the next tokens of a prompt to read at once, with rows after every token.
func (p *pace) chunk(rows rwkv.Outputs, left int) int {
	limit := p.latency - p.inRow
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

// unknown is longer than any limit.
const unknown = time.Duration(1<<62 - 1)

// estimate returns how long a chunk of the ladder's i-th length takes, from the longest shorter length that was read. If none was read, it
// is as long as never, so that the first chunks are short.
func (p *pace) estimate(rows rwkv.Outputs, i int) time.Duration {
	for j := i; j < len(ladder); j++ {
		if took := p.took[rows][j]; took > 0 {
			return took * time.Duration(ladder[i]) / time.Duration(ladder[j])
		}
	}
	return unknown
}

// tookToRead takes note of the time for a chunk of n tokens.
func (p *pace) tookToRead(rows rwkv.Outputs, n int, d time.Duration) {
	p.readTime += d
	p.inRow += d
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

// mayRead reports whether it is the turn of reading: it has had less than its share of the time. So that several short prompts are read in a
// row, and their texts then decode together, reading may have up to the latency in advance.
func (p *pace) mayRead(rows rwkv.Outputs, left int) bool {
	if float64(p.readTime-p.latency)*(1-p.share) > float64(p.decodeTime)*p.share {
		return false
	}
	return p.inRow == 0 || p.inRow+p.timeOf(rows, left) <= p.latency
}

// timeOf returns how long a prompt of n tokens takes at most: the time of the shortest chunk that is not shorter, or else in proportion to the
// longest one.
func (p *pace) timeOf(rows rwkv.Outputs, n int) time.Duration {
	at := unknown
	for i := len(ladder) - 1; i >= 0; i-- {
		if took := p.took[rows][i]; took > 0 {
			if ladder[i] >= n {
				return took
			}
			at = took * time.Duration(n) / time.Duration(ladder[i])
		}
	}
	return at
}

// tookToDecode takes note of the time for a step of decoding.
func (p *pace) tookToDecode(d time.Duration) {
	p.decodeTime += d
	p.inRow = 0
}

// forget forgets the time when nobody competes.
func (p *pace) forget() { p.readTime, p.decodeTime, p.inRow = 0, 0, 0 }
