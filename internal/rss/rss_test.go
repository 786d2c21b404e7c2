package rss_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/rss"
)

func TestPeakGrowsWithUse(t *testing.T) {
	before := rss.Peak()
	if before == 0 {
		t.Skip("this system does not tell")
	}
	const more = 128 << 20 // more than the other test, which may have run before
	block := make([]byte, more)
	for i := range block {
		block[i] = 1
	}
	assert.GreaterOrEqual(t, rss.Peak(), before+more/4)
	runtime.KeepAlive(block)
}

func TestAPeakCanBeginAnew(t *testing.T) {
	block := make([]byte, 64<<20)
	for i := range block {
		block[i] = 1
	}
	before := rss.Peak()
	runtime.KeepAlive(block)
	block = nil
	debug.FreeOSMemory()
	if !rss.Reset() {
		t.Skip("this system cannot do that")
	}
	assert.Less(t, rss.Peak(), before-32<<20)
}
