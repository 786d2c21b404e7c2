package mmap

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestThereIsRoomForALittleAndNotForEverything(t *testing.T) {
	for n, want := range map[int64]bool{0: true, 1: true, 1 << 20: true, math.MaxInt64 / 2: false, math.MaxInt64: false} {
		assert.Equal(t, want, Room(n), "%d bytes", n)
	}
}
