package bindings

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAsManyThreadsAreStartedAsAreAskedFor(t *testing.T) {
	for _, n := range []int{0, 1, 9} {
		require.Equal(t, n, CountThreads(n))
	}
}
