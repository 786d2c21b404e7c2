package checkpoint_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

func TestAFileThatIsCutShortWhileItIsReadIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.WriteFile(path, make([]byte, 100), 0o600))
	f, err := checkpoint.Open(path, func(file io.ReaderAt, size int64) (*checkpoint.File, error) {
		data := io.NewSectionReader(file, 0, size)
		return &checkpoint.File{Tensors: []checkpoint.Tensor{{Name: "a", DType: checkpoint.F32, Shape: []int64{25}, Data: data}}}, nil
	})
	require.NoError(t, err)
	defer f.Close()
	x := make([]float32, 25)
	require.NoError(t, f.Tensors[0].ReadFloats(x, 0))
	if err := os.Truncate(path, 60); err != nil {
		t.Skip("an open file cannot be cut short here: ", err)
	}
	require.EqualError(t, f.Tensors[0].ReadFloats(x, 0), `tensor "a": `+path+" was cut short while it was read: it ends at byte 60, and had 100")
}
