package kernels

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
)

// Matrix is a packed matrix [in, out]: out rows of in weights. Goroutines may share it.
type Matrix struct {
	level   Level
	typ     gguf.Type
	layout  layout
	in, out int64
	data    []byte
}

// Size returns the number of bytes of a packed matrix [in, out]. It reports false if there is no kernel for such a matrix.
func Size(level Level, typ gguf.Type, in, out int64) (int64, bool) {
	l, ok := layouts[typ]
	if !ok || level == None || in <= 0 || out <= 0 || in%typ.BlockSize() != 0 {
		return 0, false
	}
	rows := int64(level.rows())
	group := in / typ.BlockSize() * l.bytes * rows
	groups := (out + rows - 1) / rows
	if group/l.bytes/rows != in/typ.BlockSize() || groups > (1<<62)/group {
		return 0, false
	}
	return groups * group, true
}

// Types returns the types that have kernels, in the order of their numbers in GGUF files.
func Types() []gguf.Type { return slices.Sorted(maps.Keys(layouts)) }

// NewMatrix returns a matrix [in, out] of zeros. data becomes its memory: Size bytes, all of them zero. NewMatrix fails if there is no
// kernel for such a matrix, or if data has another length.
func NewMatrix(level Level, typ gguf.Type, in, out int64, data []byte) (*Matrix, error) {
	size, ok := Size(level, typ, in, out)
	if !ok {
		return nil, fmt.Errorf("kernels: none of level %s for a matrix [%d, %d] of %s", level, in, out, typ)
	}
	if int64(len(data)) != size {
		return nil, fmt.Errorf("kernels: %d bytes for a packed matrix [%d, %d] of %s, want %d", len(data), in, out, typ, size)
	}
	return &Matrix{level: level, typ: typ, layout: layouts[typ], in: in, out: out, data: data}, nil
}

// GroupRows is a number of rows. Each call of Pack begins at a multiple of it. It is a multiple of the rows of a group at every level.
const GroupRows = 16

// Pack packs rows into the matrix. rows has the bytes of whole rows, as a GGUF file stores them. first is the index of the first row,
// a multiple of GroupRows. The number of rows must be a multiple of GroupRows too, except at the end of the matrix. Otherwise Pack
// returns an error. Several goroutines may pack different rows at the same time.
func (m *Matrix) Pack(first int64, rows []byte) error {
	rowBytes := m.in / m.typ.BlockSize() * m.typ.BlockBytes()
	n := int64(len(rows)) / rowBytes
	if int64(len(rows))%rowBytes != 0 || first < 0 || first%GroupRows != 0 || n > m.out-first || (n%GroupRows != 0 && first+n != m.out) {
		return fmt.Errorf("kernels: %d bytes cannot be packed as rows from %d on of a matrix [%d, %d] of %s", len(rows), first, m.in, m.out, m.typ)
	}
	for r := int64(0); r < n; r += m.rows() {
		m.packGroup((first+r)/m.rows(), rows[r*rowBytes:min(r+m.rows(), n)*rowBytes], rowBytes)
	}
	return nil
}

func (m *Matrix) packGroup(group int64, rows []byte, rowBytes int64) {
	l, fileBytes := m.layout, m.typ.BlockBytes()
	to := m.data[group*m.groupBytes():][:m.groupBytes()]
	if l.columns == asFloats {
		packFloats(to, rows, int(rowBytes), m.level.rows(), int(fileBytes))
		return
	}
	for row := 0; len(rows) > 0; row, rows = row+1, rows[rowBytes:] {
		for b := range m.blocks() {
			l.pack(to[b*m.blockBytes():(b+1)*m.blockBytes()], rows[b*fileBytes:(b+1)*fileBytes], m.level, row)
		}
	}
}

// rows is the number of rows of a group.
func (m *Matrix) rows() int64 { return int64(m.level.rows()) }

// blockBytes is the number of bytes of a block of a group.
func (m *Matrix) blockBytes() int64 { return m.layout.bytes * m.rows() }

// groupBytes is the number of bytes of a group.
func (m *Matrix) groupBytes() int64 { return m.blocks() * m.blockBytes() }

// blocks is the number of blocks of a row.
func (m *Matrix) blocks() int64 { return m.in / m.typ.BlockSize() }

// groups is the number of groups of rows.
func (m *Matrix) groups() int64 { return (m.out + m.rows() - 1) / m.rows() }

// Out returns the number of rows of the matrix.
func (m *Matrix) Out() int64 { return m.out }

// ColumnBytes returns the number of bytes of a rounded column. It is 0 if the matrix is multiplied with floats.
func (m *Matrix) ColumnBytes() int64 {
	b := roundedBlock[m.layout.columns]
	if b.values == 0 {
		return 0
	}
	return m.in / b.values * b.bytes
}
