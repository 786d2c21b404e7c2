package rwkvcpp

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
)

// Bin is the .bin file, in FP32, that rwkv.cpp's converter makes of a .pth.
func Bin(t testing.TB, path string) []byte {
	f, err := checkpoint.Open(path, pth.Read)
	require.NoError(t, err)
	defer f.Close()
	return convertAll(t, all(t, f), false)
}
