package kernels

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"unsafe"

	"github.com/gosling-rwkv/gosling/internal/pages"
)

// Entry returns the address of the C function that runs a Call: void (*)(struct ggml_tensor * result, int ith, int nth, void *
// call). All nth threads must have run a call once before any of them runs it again. Entry returns 0 if there are no kernels for
// the processor.
func Entry() uintptr { return entryFunction }

// Calls owns the memory of calls that run one after another, on the same threads. The memory is outside of Go's heap, because C
// threads keep pointers to it. A Calls belongs to one goroutine at a time. The caller closes it.
type Calls struct {
	threads int
	memory  []*pages.Memory
	rest    []byte // the unused end of the last memory
	scratch int64  // bytes of scratch memory for each thread
	shared  *pages.Memory
}

// NewCalls returns a Calls without calls. threads is the number of threads that will run each call.
func NewCalls(threads int) *Calls { return &Calls{threads: max(1, threads)} }

// Close frees the memory of all calls. No call may run afterwards. It is safe to call Close twice.
func (c *Calls) Close() {
	if c == nil {
		return
	}
	for _, m := range append(c.memory, c.shared) {
		m.Free()
	}
	c.memory, c.rest, c.shared = nil, nil, nil
}

// Call is a kernel with its operands. It may run any number of times.
type Call struct {
	of   *Calls
	head *shared // the argument of the kernel
	out  *uintptr
	in   []*uintptr
}

// Pointer returns the last argument for the C function that Entry returns.
func (c *Call) Pointer() unsafe.Pointer { return unsafe.Pointer(c.head) }

// Place sets the addresses of the call's results and operands. Their memory must stay alive while the call runs. After the first Place,
// no call may be added to the Calls. Place fails if the call has another number of operands, or if the system gives no memory.
func (c *Call) Place(out uintptr, in ...uintptr) error {
	if len(in) != len(c.in) {
		return fmt.Errorf("kernels: %d operands placed, want %d", len(in), len(c.in))
	}
	*c.out = out
	for i, at := range in {
		*c.in[i] = at
	}
	return c.placeScratch()
}

// placeScratch sets the address of the scratch memory, which all calls share. It allocates the memory if no call has it yet.
func (c *Call) placeScratch() error {
	if c.of.scratch == 0 {
		return nil
	}
	if c.of.shared == nil {
		m, err := pages.Alloc(c.of.scratch * int64(c.of.threads))
		if err != nil {
			return err
		}
		c.of.shared = m
	}
	c.head.scratch = address(c.of.shared.Bytes())
	return nil
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// place returns size bytes of memory for a call.
func (c *Calls) place(size uintptr) (unsafe.Pointer, error) {
	const slab = 64 << 10
	size = (size + 63) &^ 63 // the counters of calls lie in cache lines of their own
	if uintptr(len(c.rest)) < size {
		m, err := pages.Alloc(max(slab, int64(size)))
		if err != nil {
			return nil, err
		}
		c.memory, c.rest = append(c.memory, m), m.Bytes()
	}
	p := unsafe.Pointer(&c.rest[0])
	c.rest = c.rest[size:]
	return p, nil
}

// shared is the first part of every call that the threads divide into pieces. run_amd64.s reads it.
type shared struct {
	kernel uintptr
	body   uintptr // computes a piece
	pieces int64

	scratch       uintptr
	threadScratch int64

	_    [64]byte // keeps the counters, which change, in another cache line than the fields that threads only read
	next int64    // the next piece
	left int64    // threads that have left
	_    [64]byte
}

// product is the argument of the body of that name. A piece is a run of groups of rows times a chunk of columns.
type product struct {
	shared

	runs    int64 // the number of runs for each chunk
	run     int64 // groups of a run
	chunk   int64 // columns of a chunk
	columns int64

	matrix     uintptr
	groups     int64
	groupBytes int64
	blocks     int64 // of a row
	groupRows  int64
	lastRows   int64 // rows of the last group

	in, inBytes   uintptr // the first column, and the bytes from one column to the next
	out, outBytes uintptr

	tiles       [4]uintptr // the tiles of 1, 2, 3 and 4 columns
	wide        uintptr
	wideColumns int64
	wideFrom    int64   // the wide tile is used for chunks of at least this many columns
	unpack      uintptr // unpacks a group for the wide tile; 0 if the wide tile reads packed groups
}

// tailBytes is the scratch memory of a thread for the results of the last group, if that has fewer rows: 8 columns of 16 floats.
const tailBytes = 8 * 4 * 16

// The sizes of pieces. A large piece makes up for the cost of taking it. Small pieces let all threads end at the same time.
const (
	leastPiece = 64 << 10 // weights
	mostPiece  = 1 << 20
	parts      = 3  // pieces for each thread, if there are few columns
	few        = 16 // fewer columns than this are few
	mostChunk  = 64
)

// Product adds a call that multiplies the matrix with columns. The columns are the results of Rounding, m.ColumnBytes bytes each.
// If m.ColumnBytes is 0, they are float32 [in, columns]. The results are float32 [out, columns]. Product fails if the number of
// columns is below 1 or too large, or if the system gives no memory.
func (c *Calls) Product(m *Matrix, columns int64) (*Call, error) {
	if columns <= 0 || columns > (1<<40)/max(m.in, m.out) {
		return nil, fmt.Errorf("kernels: a product with %d columns", columns)
	}
	to, err := c.place(unsafe.Sizeof(product{}))
	if err != nil {
		return nil, err
	}
	p := (*product)(to)
	*p = product{
		shared: shared{kernel: sharingKernel, body: productBody}, columns: columns,
		matrix: address(m.data), groups: m.groups(), groupBytes: m.groupBytes(), blocks: m.blocks(),
		groupRows: m.rows(), lastRows: m.out - m.rows()*(m.groups()-1), inBytes: uintptr(m.columnBytes()), outBytes: uintptr(4 * m.out),
	}
	unpacked := p.choose(m)
	p.cut(m.in, c.threads)
	p.threadScratch = (tailBytes + unpacked + 63) / 64 * 64
	c.scratch = max(c.scratch, p.threadScratch)
	return &Call{of: c, head: &p.shared, in: []*uintptr{&p.in}, out: &p.out}, nil
}

// choose chooses the tiles for a matrix. It returns the bytes of an unpacked group if the wide tile reads one. Otherwise it returns 0.
func (p *product) choose(m *Matrix) (unpacked int64) {
	l, suffix := m.layout, ""
	p.wideColumns, p.wideFrom = l.wide, l.wideFrom
	if m.level == VNNI {
		suffix, p.wideColumns, p.wideFrom = "vnni", 8, 8
	}
	for i := range p.tiles {
		p.tiles[i] = functions[fmt.Sprintf("%s%s%d", l.name, suffix, i+1)]
	}
	switch {
	case p.wideColumns == 0:
		p.wideFrom = math.MaxInt64
	case suffix == "" && l.unpacked > 0:
		p.wide, p.unpack = functions[l.name+"wide"], functions[l.name+"unpack"]
		return m.blocks() * l.unpacked
	default:
		p.wide = functions[fmt.Sprintf("%s%s%d", l.name, suffix, p.wideColumns)]
	}
	return 0
}

// cut cuts the product into pieces.
func (p *product) cut(in int64, threads int) {
	p.chunk = mostChunk
	if p.wideColumns > 0 {
		p.chunk = (mostChunk + p.wideColumns - 1) / p.wideColumns * p.wideColumns
	}
	weights := p.groupRows * in
	piece := int64(leastPiece)
	if p.columns < few {
		piece = min(max(leastPiece, p.groups*weights/int64(parts*threads)), mostPiece)
	}
	p.run = max(1, piece/weights)
	p.runs = (p.groups + p.run - 1) / p.run
	p.pieces = p.runs * ((p.columns + p.chunk - 1) / p.chunk)
}

// columnBytes returns the number of bytes from one column to the next.
func (m *Matrix) columnBytes() int64 {
	if n := m.ColumnBytes(); n > 0 {
		return n
	}
	return 4 * m.in
}

// rounding is the argument of the body of that name. run_amd64.s reads it. A piece is a run of blocks.
type rounding struct {
	shared

	round         uintptr
	blocks, run   int64
	in, inBytes   uintptr
	out, outBytes uintptr
}

// smallPiece is the number of values that a piece of rounding or of an elementwise function has. That takes some microseconds.
const smallPiece = 8 << 10

// Rounding adds a call that rounds columns of float32 [in, columns]. The results are the columns that Product reads, m.ColumnBytes
// bytes each. Rounding fails if m.ColumnBytes is 0, if the number of columns is below 1 or too large, or if the system gives no
// memory.
func (c *Calls) Rounding(m *Matrix, columns int64) (*Call, error) {
	b := roundedBlock[m.layout.columns]
	if b.values == 0 || columns <= 0 || columns > (1<<40)/m.in {
		return nil, fmt.Errorf("kernels: rounding %d columns for a matrix of %s", columns, m.typ)
	}
	to, err := c.place(unsafe.Sizeof(rounding{}))
	if err != nil {
		return nil, err
	}
	r := (*rounding)(to)
	all, run := m.in/b.values*columns, smallPiece/b.values
	*r = rounding{
		shared: shared{kernel: sharingKernel, body: roundingBody, pieces: (all + run - 1) / run},
		round:  functions[fmt.Sprintf("round%d", b.values)], blocks: all, run: run,
		inBytes: uintptr(4 * b.values), outBytes: uintptr(b.bytes),
	}
	return &Call{of: c, head: &r.shared, in: []*uintptr{&r.in}, out: &r.out}, nil
}

// run runs the call on the calling goroutine, as thread ith of c.of.threads.
func (c *Call) run(ith int) { call(c.head.kernel, c.Pointer(), ith, c.of.threads) }

// Multiply multiplies the matrix with the columns in x, [in, columns]. It returns the products, [out, columns]. It computes on the
// calling goroutine. It fails if x does not consist of whole columns.
func (m *Matrix) Multiply(x []float32) ([]float32, error) {
	columns := int64(len(x)) / m.in
	if columns == 0 || int64(len(x))%m.in != 0 {
		return nil, fmt.Errorf("kernels: %d floats are not columns of %d", len(x), m.in)
	}
	all, err := m.multiply(x, columns)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// multiply does the same as Multiply once for each count n in counts, with the first n columns of x.
func (m *Matrix) multiply(x []float32, counts ...int64) ([][]float32, error) {
	calls := NewCalls(1)
	defer calls.Close()
	most := slices.Max(counts)
	var pinned runtime.Pinner // the garbage collector does not see the addresses in calls
	defer pinned.Unpin()
	pinned.Pin(&x[0])
	in, out := uintptr(unsafe.Pointer(&x[0])), make([][]float32, len(counts))
	var rounding *Call
	var rounded []byte
	var err error
	if n := m.ColumnBytes(); n > 0 {
		if rounding, err = calls.Rounding(m, most); err != nil {
			return nil, err
		}
		rounded = make([]byte, n*most)
		pinned.Pin(&rounded[0])
	}
	products := make([]*Call, len(counts))
	for i, n := range counts {
		if products[i], err = calls.Product(m, n); err != nil {
			return nil, err
		}
	}
	if rounding != nil {
		if err := rounding.Place(address(rounded), in); err != nil {
			return nil, err
		}
		rounding.run(0)
		in = address(rounded)
	}
	for i, p := range products {
		out[i] = make([]float32, m.out*counts[i])
		pinned.Pin(&out[i][0])
		if err := p.Place(uintptr(unsafe.Pointer(&out[i][0])), in); err != nil {
			return nil, err
		}
		p.run(0)
	}
	return out, nil
}
