package bench_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/bench"
)

func TestLists(t *testing.T) {
	for text, want := range map[string][]int{
		"5": {5}, "1,2, 4": {1, 2, 4}, "1-4": {1, 2, 3, 4}, "1-8*2": {1, 2, 4, 8}, "2-9+3": {2, 5, 8}, "7-7": {7}, "0,3-4": {0, 3, 4},
	} {
		got, err := bench.ParseList(text, 0, 100)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "a", "-1", "4-1", "0-8*2", "1-8*1", "1-8+0", "101", "1-101", "1,,2", "99999999999999999999", "1-99999999999"} {
		_, err := bench.ParseList(text, 0, 100)
		assert.ErrorContains(t, err, "want numbers from 0 to 100", text)
	}
	_, err := bench.ParseList("1-1000000", 0, 1<<20)
	require.Error(t, err, "a list without an end")
}

func TestPairs(t *testing.T) {
	got, err := bench.ParsePairs("512,128,64,32", 1<<20)
	require.NoError(t, err)
	assert.Equal(t, [][2]int{{512, 128}, {64, 32}}, got)
	_, err = bench.ParsePairs("512", 1<<20)
	require.ErrorContains(t, err, "want pairs of numbers")
	_, err = bench.ParsePairs("512,0", 1<<20)
	require.Error(t, err)
}
