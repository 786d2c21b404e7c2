package quant

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
)

// Quantizer writes and reads types in blocks. *ggml.Library is one. It must allow calls from many goroutines.
type Quantizer interface {
	// Quantize encodes src, whole rows of rowLen elements, as bytes of type t. importance has the weight of each element of a row,
	// or is nil.
	Quantize(t gguf.Type, dst []byte, src []float32, rowLen int64, importance []float32) error
	// Dequantize decodes src, whole blocks of type t.
	Dequantize(t gguf.Type, dst []float32, src []byte) error
}

// Source is a tensor to write and the source of its elements. Either Bytes or Floats is set. Floats is for small tensors that are computed.
type Source struct {
	Tensor gguf.Tensor // its Name and Shape, and the Type that it is written in
	Origin string      // its name in the input, if that is another

	From  gguf.Type                            // the type of what Bytes reads
	Bytes func(dst []byte, offset int64) error // reads bytes of the elements, nearly all in order
	// Floats gives all elements at once.
	Floats func() ([]float32, error)
}

// Options say how Write writes a file. The zero value works.
type Options struct {
	Force     bool                      // replace an existing file
	Input     string                    // the file that is read. It is never replaced
	Threads   int                       // 0 stands for GOMAXPROCS
	Progress  func(done, total int64)   // receives the bytes written so far, from one goroutine at a time
	Quantizer func() (Quantizer, error) // called once, and only if a type in blocks is read or written
	Measure   bool                      // measure the error of each kind of tensor against its source

	// At most one of these is set. The output names it if anything was rounded by it.
	Importance  *Importance  // which channels to round more carefully. Nil treats all alike
	Calibration *Calibration // the second moments to round by. Nil rounds each weight by itself
}

func (o Options) threads() int { return max(1, cmp.Or(o.Threads, runtime.GOMAXPROCS(0))) }

// How many elements a worker takes at a time, about. It bounds the memory of each to some 5 MiB. With a calibration more rows share the
// work of reading the moments, and it is some 80 MiB.
const (
	pieceElements           = 1 << 18
	calibratedPieceElements = 1 << 21
)

// piece is part of a source: whole rows.
type piece struct {
	source      int
	first, n    int64 // elements
	rowElements int64
	in          []byte // what Bytes gave, in a buffer that goes back to the reader
}

// Write writes the keys, and the tensors of the sources in their order, to a GGUF file at path. The file appears when it is
// complete and on the disk. If there is an error, or ctx ends, there is no file.
func Write(ctx context.Context, path string, keys []gguf.KV, sources []Source, o Options) (Report, error) {
	if same(o.Input, path) {
		return Report{}, fmt.Errorf("%s: input and output are the same file", path)
	}
	coder, err := newCoder(ctx, sources, o)
	if err != nil {
		return Report{}, err
	}
	header := gguf.Header{Keys: keys}
	if coder.weighted() {
		header.Keys = o.keys(keys)
	}
	for _, s := range sources {
		header.Tensors = append(header.Tensors, s.Tensor)
	}
	file, err := atomicfile.Create(path, atomicfile.Options{Force: o.Force})
	if err != nil {
		return Report{}, err
	}
	defer file.Close()
	w, err := gguf.NewWriter(file, header)
	if err != nil {
		return Report{}, err
	}
	run := &run{coder: coder, input: o.Input, sources: sources, writer: w, progress: o.Progress, total: w.Size(), report: newReport(sources)}
	if err := run.all(ctx, o.threads()); err != nil {
		return Report{}, err
	}
	if err := w.Close(); err != nil {
		return Report{}, err
	}
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	if err := file.Commit(); err != nil {
		return Report{}, err
	}
	run.report.Path, run.report.Size, run.report.Without = path, w.Size(), coder.without
	run.report.told, run.report.weighted, run.report.apart = o.told(), coder.weighted(), coder.apart.Relative()
	return run.report, nil
}

// same reports whether two paths lead to one file.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// run is one Write under way.
type run struct {
	coder   *coder
	input   string
	sources []Source
	writer  *gguf.Writer
	total   int64

	mu       sync.Mutex // of what follows
	progress func(done, total int64)
	done     int64
	report   Report
}

// all lets one goroutine read the sources from beginning to end, as disks like it, and workers convert and write.
func (r *run) all(ctx context.Context, threads int) error {
	group, ctx := errgroup.WithContext(ctx)
	pieces, free := make(chan piece), make(chan []byte, 2*threads)
	for range 2 * threads {
		free <- nil
	}
	group.Go(func() error {
		defer close(pieces)
		return r.read(ctx, pieces, free)
	})
	for range threads {
		group.Go(func() error {
			var b buffers
			for p := range pieces {
				if err := r.one(ctx, p, &b); err != nil {
					return r.inTensor(p.source, err)
				}
				free <- p.in
			}
			return nil
		})
	}
	return group.Wait()
}

// read reads all pieces in order and hands them out, until ctx ends.
func (r *run) read(ctx context.Context, pieces chan<- piece, free <-chan []byte) error {
	for i, s := range r.sources {
		for _, p := range cut(i, s, r.coder.pieceElements(i)) {
			select {
			case p.in = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
			if s.Bytes != nil {
				n, err := bytesOf(s.From, p)
				if err == nil {
					p.in = grow(&p.in, n)
					err = s.Bytes(p.in, p.first/s.From.BlockSize()*s.From.BlockBytes())
				}
				if err != nil {
					return r.inTensor(i, err)
				}
			}
			select {
			case pieces <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func (r *run) inTensor(source int, err error) error {
	s := r.sources[source]
	where := fmt.Sprintf("tensor %q", cmp.Or(s.Origin, s.Tensor.Name))
	if r.input != "" && !strings.Contains(err.Error(), r.input) { // of several files, the one that was cut short is named
		where = r.input + ": " + where
	}
	return fmt.Errorf("%s: %w", where, err)
}

// one converts and writes a piece.
func (r *run) one(ctx context.Context, p piece, b *buffers) error {
	s := r.sources[p.source]
	out, squares, err := r.coder.convert(ctx, s, p, b)
	if err != nil {
		return err
	}
	offset := p.first / s.Tensor.Type.BlockSize() * s.Tensor.Type.BlockBytes()
	if err := r.writer.WriteAt(p.source, out, offset); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.add(p.source, squares)
	r.done += int64(len(out))
	if r.progress != nil {
		r.progress(r.done, r.total)
	}
	return nil
}

// cut divides a source into pieces of whole rows, of about some elements. Computed tensors are one piece.
func cut(index int, s Source, about int64) []piece {
	elements, row := s.Tensor.Elements(), s.Tensor.Shape[0]
	size := max(row, about/max(row, 1)*row)
	if s.Floats != nil {
		size = elements
	}
	var pieces []piece
	for first := int64(0); first < elements; first += size {
		pieces = append(pieces, piece{source: index, first: first, n: min(size, elements-first), rowElements: row})
	}
	return pieces
}
