package plain_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/plain"
)

func TestANameThatTheTableLacksPanicsWithIt(t *testing.T) {
	table := []rwkv.TensorSpec{{Name: rwkv.LayerName(3, "time_mix_key.weight"), Shape: []int64{2, 1}}}
	w, err := plain.Load(table, func(string) (rwkv.RefTensor, bool) { return rwkv.RefTensor{Data: []float32{1, 2}}, true })
	require.NoError(t, err)
	matrix, vector := w.Layer(3)
	assert.Equal(t, []float64{1, 2}, vector("time_mix_key"))
	assert.PanicsWithValue(t, `plain: internal error: the table lacks "blk.3.time_mix_kye.weight"`, func() { matrix("time_mix_kye") })
}
