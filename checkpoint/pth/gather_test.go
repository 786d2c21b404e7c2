package pth

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// columns is a transposed matrix of that many rows, of the numbers 0, 1, ... in 4 bytes each, and what it reads as.
func columns(rows, cols int) (g *gather, want []byte) {
	storage := make([]byte, 4*rows*cols)
	for i := range rows * cols {
		binary.LittleEndian.PutUint32(storage[4*i:], uint32(i))
	}
	for r := range rows {
		for c := range cols {
			want = binary.LittleEndian.AppendUint32(want, uint32(c*rows+r))
		}
	}
	return &gather{
		file:   io.NewSectionReader(bytes.NewReader(storage), 0, int64(len(storage))),
		size:   4,
		bytes:  int64(len(storage)),
		shape:  []int64{int64(rows), int64(cols)},
		stride: []int64{1, int64(rows)},
	}, want
}

func TestGatheringInPiecesOfAnySize(t *testing.T) {
	g, want := columns(301, 77)
	random := rand.New(rand.NewPCG(1, 2))
	var wait sync.WaitGroup
	for range 40 {
		off := random.IntN(len(want))
		n := random.IntN(len(want) - off)
		wait.Go(func() {
			p := make([]byte, n)
			got, err := g.ReadAt(p, int64(off))
			assert.NoError(t, err)
			assert.Equal(t, want[off:off+n], p[:got], "from %d", off)
		})
	}
	wait.Wait()
}

func TestPagesThatAreKeptStayFew(t *testing.T) {
	g, _ := columns(1, (maxPages+10)*pageSize/4)
	pages := pages{file: g.file, kept: map[int64][]byte{}}
	for no := range int64(maxPages + 10) {
		require.NoError(t, pages.turn(no))
	}
	assert.LessOrEqual(t, len(pages.kept), maxPages)
}

func TestGatheringMoreColumnsThanPagesAreKept(t *testing.T) {
	g, want := columns(pageSize/4, maxPages+10)
	p := make([]byte, 3*4*(maxPages+10))
	_, err := g.ReadAt(p, 0)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want[:len(p)], p))
}

func TestGatheringPastTheEnd(t *testing.T) {
	g, want := columns(3, 4)
	p := make([]byte, 100)
	n, err := g.ReadAt(p, 40)
	assert.Equal(t, io.EOF, err)
	assert.Equal(t, want[40:], p[:n])
	_, err = g.ReadAt(p, 48)
	assert.Equal(t, io.EOF, err)
	_, err = g.ReadAt(p, -1)
	assert.ErrorContains(t, err, "before the beginning")
}

func BenchmarkGatherTransposed(b *testing.B) {
	g, want := columns(2048, 2048)
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(want)))
	for b.Loop() {
		for off := 0; off < len(want); off += len(p) {
			_, err := g.ReadAt(p, int64(off))
			require.NoError(b, err)
		}
	}
}
