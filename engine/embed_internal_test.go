package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestOneGraphTakesAsManyTextsAsItsSizeAllows(t *testing.T) {
	for name, tc := range map[string]struct {
		layers  int
		lengths []int
		want    int
	}{
		"lengths of any number":              {61, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 16},
		"no more than sequences":             {2, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 16},
		"no more tokens than a chunk":        {2, []int{MaxChunk - 1, 1, 1}, 2},
		"one text of any length":             {2, []int{5 * MaxChunk, 1}, 1},
		"fewer lengths in a deep model":      {300, []int{1, 2, 3, 1, 2, 4}, 5},
		"equal lengths in a very deep model": {2000, []int{7, 7, 7, 8}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			m := &Model{config: rwkv.Config{Layers: tc.layers}}
			var texts [][]tokenizer.Token
			for _, n := range tc.lengths {
				texts = append(texts, make([]tokenizer.Token, n))
			}
			require.Equal(t, tc.want, m.sideBySide(texts, 16))
		})
	}
}
