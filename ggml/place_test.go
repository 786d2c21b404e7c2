package ggml

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Results that are needed in the same stage do not share memory, and memory is used again.
func TestLayOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var lives []*life
		total := int64(0)
		for range 1 + rng.IntN(60) {
			l := &life{first: rng.IntN(20), size: rng.Int64N(1000)}
			l.last = l.first + rng.IntN(3)
			lives = append(lives, l)
			total += l.size + resultAlign
		}
		size := layOut(lives)
		require.LessOrEqual(t, size, total)
		for i, a := range lives {
			require.Zero(t, a.offset%resultAlign)
			require.LessOrEqual(t, a.offset+a.size, size)
			for _, b := range lives[:i] {
				if a.first <= b.last && b.first <= a.last {
					require.False(t, a.offset < b.offset+max(1, b.size) && b.offset < a.offset+max(1, a.size), "%+v and %+v", a, b)
				}
			}
		}
	}
	chain := []*life{{size: 100, last: 1}, {size: 100, first: 1, last: 2}, {size: 100, first: 2, last: 3}, {size: 100, first: 3, last: 4}}
	require.EqualValues(t, 256, layOut(chain), "a chain needs two results at once")
}
