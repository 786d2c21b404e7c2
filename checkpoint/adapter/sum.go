package adapter

import (
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// product is scale·B·A. Its factors are in memory between the first read of the weight and the last.
type product struct {
	pair
	scale float32
	path  string    // of the adapter
	x, y  []float32 // A and B
}

// load reads the factors.
func (p *product) load() (err error) {
	if p.x, err = p.read(p.a); err == nil {
		p.y, err = p.read(p.b)
	}
	return err
}

func (p *product) read(t checkpoint.Tensor) ([]float32, error) {
	x := make([]float32, t.Elements())
	if err := t.ReadFloats(x, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", p.path, err)
	}
	if i := float.FirstNotFinite(x); i >= 0 {
		return nil, fmt.Errorf("%s: tensor %q: element %d is %v: the adapter is damaged", p.path, t.Name, i, x[i])
	}
	return x, nil
}

// addTo adds columns first to first+len(dst)-1 of a row.
func (p *product) addTo(dst []float32, row, first int64) {
	rank, in := p.a.Shape[0], p.a.Shape[1]
	b := p.y[row*rank:][:rank]
	a := func(k int64) []float32 { return p.x[k*in+first:][:len(dst)] }
	k := int64(0)
	for ; k+4 <= rank; k += 4 { // four rows of A for each load and store
		b0, b1, b2, b3 := p.scale*b[k], p.scale*b[k+1], p.scale*b[k+2], p.scale*b[k+3]
		a0, a1, a2, a3 := a(k), a(k+1), a(k+2), a(k+3)
		for i := range dst {
			dst[i] += b0*a0[i] + b1*a1[i] + b2*a2[i] + b3*a3[i]
		}
	}
	for ; k < rank; k++ {
		scaled, row := p.scale*b[k], a(k)
		for i := range dst {
			dst[i] += scaled * row[i]
		}
	}
}

// sum is the weight plus products, as F32, whatever the weight was: the change may be smaller than its precision.
func sum(w checkpoint.Tensor, products []*product) checkpoint.Tensor {
	t := w
	t.DType = checkpoint.F32
	t.Data = &summed{weight: w, products: products}
	return t
}

// summed is the bytes of a sum, computed when they are read.
type summed struct {
	weight   checkpoint.Tensor
	products []*product

	mu     sync.Mutex
	loaded bool
}

// ReadAt computes the elements that the bytes belong to, on all processors. It is safe for concurrent use.
func (s *summed) ReadAt(p []byte, off int64) (int, error) {
	elements := s.weight.Elements()
	if off < 0 || off >= 4*elements {
		return 0, io.EOF
	}
	n := min(int64(len(p)), 4*elements-off)
	first, end := off/4, (off+n+3)/4
	x := make([]float32, end-first)
	if err := s.weight.ReadFloats(x, first); err != nil {
		return 0, err
	}
	if err := s.add(x, first); err != nil {
		return 0, err
	}
	if err := s.check(x, first); err != nil {
		return 0, err
	}
	data := make([]byte, 4*len(x))
	float.EncodeF32(data, x)
	copy(p, data[off-4*first:][:n])
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// add adds the products to elements first to first+len(x)-1.
func (s *summed) add(x []float32, first int64) error {
	products, err := s.ready(first+int64(len(x)) == s.weight.Elements())
	if err != nil {
		return err
	}
	in := s.weight.Shape[1]
	type segment struct {
		x        []float32
		row, col int64
	}
	segments := make(chan segment)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for part := range segments {
				for _, p := range products {
					p.addTo(part.x, part.row, part.col)
				}
			}
		})
	}
	for len(x) > 0 {
		row, col := first/in, first%in
		n := min(in-col, int64(len(x)))
		segments <- segment{x[:n], row, col}
		x, first = x[n:], first+n
	}
	close(segments)
	workers.Wait()
	return nil
}

// check refuses a sum that is not finite where the weight was.
func (s *summed) check(x []float32, first int64) error {
	i := float.FirstNotFinite(x)
	if i < 0 {
		return nil
	}
	was := make([]float32, 1)
	if err := s.weight.ReadFloats(was, first+int64(i)); err != nil || float.FirstNotFinite(was) == 0 {
		return err // the weights are damaged, and whoever reads them says so
	}
	return fmt.Errorf("%s: element %d of %q becomes %g: the adapter is damaged, or its alpha is too large", s.products[0].path, first+int64(i), s.weight.Name, x[i])
}

// ready returns the products with their factors in memory, and lets go of those if the weight is read for the last time.
func (s *summed) ready(last bool) ([]product, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		for _, p := range s.products {
			if err := p.load(); err != nil {
				return nil, err
			}
		}
		s.loaded = true
	}
	var ready []product
	for _, p := range s.products {
		ready = append(ready, *p)
		if last {
			p.x, p.y = nil, nil
		}
	}
	s.loaded = !last
	return ready, nil
}
