package imatrix_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/imatrix"
)

func TestMoreSumsThanAnyModelHasAreNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.dat")
	data, err := binary.Append(nil, binary.LittleEndian, []int32{1, 1})
	require.NoError(t, err)
	data, err = binary.Append(append(data, 'a'), binary.LittleEndian, []int32{1, imatrix.MaxSums + 1})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	require.NoError(t, os.Truncate(path, 4*(imatrix.MaxSums+100)))
	_, err = imatrix.Read(path)
	require.ErrorContains(t, err, `tensor "a": more than 33554432 sums in all`)
}
