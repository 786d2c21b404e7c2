package sched

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/rwkv"
)

const ms = time.Millisecond

// TestShortPromptsAreReadInARow lets prompts of 16 tokens, each of which takes 30 ms, compete with texts whose step takes 10 ms.
func TestShortPromptsAreReadInARow(t *testing.T) {
	p := pace{latency: 100 * ms, share: 0.5}
	p.tookToRead(rwkv.LastLogits, 16, 30*ms)
	p.forget()
	assert.Equal(t, 30*ms, p.timeOf(rwkv.LastLogits, 5), "no longer than a chunk of 16")
	row := 0
	for p.mayRead(rwkv.LastLogits, 16) {
		assert.Equal(t, 16, p.chunk(rwkv.LastLogits, 16))
		p.tookToRead(rwkv.LastLogits, 16, 30*ms)
		row++
	}
	assert.Equal(t, 3, row, "a fourth one would take longer than the latency")
	p.tookToDecode(10 * ms)
	for range 3 {
		assert.True(t, p.mayRead(rwkv.LastLogits, 16), "of the latency in advance, 10 ms are left")
		p.tookToRead(rwkv.LastLogits, 16, 30*ms)
		assert.False(t, p.mayRead(rwkv.LastLogits, 16), "the advance is used up")
		for range 3 {
			p.tookToDecode(10 * ms)
		}
	}
}

// TestALongPromptGetsItsShare reads chunks of a long prompt between steps: none takes longer than the latency, and reading gets half of the time.
func TestALongPromptGetsItsShare(t *testing.T) {
	p := pace{latency: 100 * ms, share: 0.5}
	p.tookToRead(rwkv.NoLogits, 16, 10*ms)
	p.forget()
	var reading, decoding time.Duration
	for range 1000 {
		if p.mayRead(rwkv.NoLogits, 100_000) {
			n := p.chunk(rwkv.NoLogits, 100_000)
			took := time.Duration(n) * 10 * ms / 16
			assert.LessOrEqual(t, took, p.latency)
			p.tookToRead(rwkv.NoLogits, n, took)
			reading += took
			assert.False(t, p.mayRead(rwkv.NoLogits, 100_000), "a step comes between two chunks")
		}
		p.tookToDecode(7 * ms)
		decoding += 7 * ms
	}
	assert.InEpsilon(t, decoding, reading, 0.05)
}
