package shape_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/shape"
)

func TestDimensionsOfOneDoNotCount(t *testing.T) {
	whole := []int64{1, 2, 1, 3, 1, 1}
	assert.Equal(t, []int64{2, 3}, shape.Squeeze(whole...))
	assert.Equal(t, []int64{1, 2, 1, 3}, shape.Trim(whole))
	assert.Empty(t, shape.Trim([]int64{1, 1}))
	assert.Equal(t, []int64{1, 2, 1, 3, 1, 1}, whole, "neither changes what it is given")

	assert.True(t, shape.Same([]int64{4}, []int64{4, 1, 1}))
	assert.True(t, shape.Same([]int64{1}, nil))
	assert.False(t, shape.Same([]int64{4}, []int64{1, 4}), "the order of dimensions counts")
}
