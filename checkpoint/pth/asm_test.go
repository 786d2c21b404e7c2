package pth

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// member is a hand-made member of an archive, whose header may lie.
type member struct {
	name    string
	data    []byte
	size    uint64 // claimed, if not 0
	longer  uint64 // by how much it is longer when unpacked
	method  uint16
	flags   uint16
	corrupt bool // has another checksum

	unsummed bool // has a checksum of 0
}

// archiveOf puts members together.
func archiveOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		h := &zip.FileHeader{
			Name:               m.name,
			Method:             m.method,
			Flags:              m.flags,
			CRC32:              crc32.ChecksumIEEE(m.data),
			CompressedSize64:   uint64(len(m.data)),
			UncompressedSize64: uint64(len(m.data)),
		}
		if m.size != 0 {
			h.CompressedSize64, h.UncompressedSize64 = m.size, m.size
		}
		if m.corrupt {
			h.CRC32++
		}
		if m.unsummed {
			h.CRC32 = 0
		}
		h.UncompressedSize64 += m.longer
		body, err := w.CreateRaw(h)
		require.NoError(t, err)
		_, err = body.Write(m.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// checkpointOf is an archive of a pickle and storages 0, 1, ...
func checkpointOf(t testing.TB, pickle []byte, storages ...[]byte) []byte {
	t.Helper()
	members := []member{{name: "m/data.pkl", data: pickle}}
	for i, s := range storages {
		members = append(members, member{name: "m/data/" + string(rune('0'+i)), data: s})
	}
	return archiveOf(t, members...)
}

// program is a pickle under construction: a pickler with the steps that tests repeat.
type program struct{ pickler }

// newProgram begins a pickle with an empty dict and a mark: items follow.
func newProgram() *program {
	p := &program{pickler{0x80, 2}}
	p.op('}', '(')
	return p
}

func (p *program) done() []byte {
	p.op('u', stop)
	return p.pickler
}

// storage puts a persistent id.
func (p *program) storage(class, key string, numel int64) {
	p.op('(')
	p.text("storage")
	p.global("torch", class)
	p.text(key)
	p.text("cuda:0")
	p.int(numel)
	p.op('t', 'Q')
}

// tensor puts an item: a tensor of storage key.
func (p *program) tensor(name, class, key string, numel, offset int64, shape, stride []int64) {
	p.text(name)
	p.view(class, key, numel, offset, shape, stride)
}

// view puts a tensor without a name.
func (p *program) view(class, key string, numel, offset int64, shape, stride []int64) {
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.op('(')
	p.storage(class, key, numel)
	p.int(offset)
	p.ints(shape)
	p.ints(stride)
	p.op(0x89)
	p.emptyDict()
	p.op('t', 'R')
}

// one is the pickle of a single tensor "w" of storage 0.
func one(class string, numel, offset int64, shape, stride []int64) []byte {
	p := newProgram()
	p.tensor("w", class, "0", numel, offset, shape, stride)
	return p.done()
}

// f32s are the numbers 0 to n-1 as little-endian float32; every one of them is also a bf16 number.
func f32s(n int) []byte {
	var b []byte
	for i := range n {
		b, _ = binary.Append(b, binary.LittleEndian, float32(i))
	}
	return b
}

func read(file []byte) (*checkpoint.File, error) {
	return Read(bytes.NewReader(file), int64(len(file)))
}

// floats are all elements of a tensor.
func floats(t testing.TB, f *checkpoint.File, name string) []float32 {
	t.Helper()
	tensor, ok := f.Tensor(name)
	require.True(t, ok, "there is a tensor %q", name)
	out := make([]float32, tensor.Elements())
	require.NoError(t, tensor.ReadFloats(out, 0))
	return out
}

// shared is the path of a file of the test data that is kept outside the repository, or skips the test.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "there is a go.mod above")
	}
	path := filepath.Join(dir, "..", "shared", "testdata", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here", filepath.Join("shared", "testdata", name))
	}
	return path
}
