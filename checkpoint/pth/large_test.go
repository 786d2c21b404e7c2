package pth

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// sparse is a file in memory that keeps no long runs of zeros.
type sparse struct {
	size   int64
	pieces map[int64][]byte // by offset, none longer than longest
}

const longest = 1 << 16

func (s *sparse) Write(p []byte) (int, error) {
	if len(p) <= longest {
		s.pieces[s.size] = bytes.Clone(p)
	}
	s.size += int64(len(p))
	return len(p), nil
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), s.size-off)
	clear(p[:n])
	for at, piece := range s.pieces {
		if at < off+n && at+int64(len(piece)) > off {
			copy(p[max(at-off, 0):n], piece[max(off-at, 0):])
		}
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func TestStoragesAndFilesBeyond4GiB(t *testing.T) {
	specs := []Spec{{"big", checkpoint.F32, []int64{1<<30 + 1}}, {"after", checkpoint.F32, []int64{2}}}
	zeros := make([]byte, 16<<20)
	file := &sparse{pieces: map[int64][]byte{}}
	require.NoError(t, Write(file, "m", specs, func(i int, w io.Writer) error {
		for left := specs[i].Bytes() &^ 7; i == 0 && left > 0; left -= int64(len(zeros)) {
			if _, err := w.Write(zeros); err != nil {
				return err
			}
		}
		_, err := w.Write(f32s(8)[4 : 4+specs[i].Bytes()%16]) // 1, or 1 and 2
		return err
	}))
	f, err := Read(file, file.size)
	require.NoError(t, err)
	last := make([]float32, 2)
	require.NoError(t, f.Tensors[0].ReadFloats(last, 1<<30-1))
	assert.Equal(t, []float32{0, 1}, last)
	assert.Equal(t, []float32{1, 2}, floats(t, f, "after"))
	_, off, _ := f.Tensors[1].Data.(*io.SectionReader).Outer()
	assert.Zero(t, off%alignment)
	assert.Greater(t, off, int64(4<<30))
}
