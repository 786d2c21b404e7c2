package pth

import (
	"errors"
	"io"
	"slices"
)

// The pages that a gather keeps during one read: 16 MiB at most.
const (
	pageSize = 1 << 10
	maxPages = 16 << 10
)

// gather reads a tensor whose elements do not follow one another in its storage, or are big-endian, as if they did
// and were not. It is safe for concurrent use.
type gather struct {
	file    *io.SectionReader // the storage
	size    int64             // of an element
	bytes   int64             // of the tensor
	offset  int64             // of the first element, in elements like the strides
	shape   []int64
	stride  []int64
	swapped bool // big-endian
}

// ReadAt implements io.ReaderAt over the elements in row-major order, little-endian.
func (g *gather) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, errors.New("read before the beginning of a tensor")
	case off >= g.bytes:
		return 0, io.EOF
	}
	var short error
	if left := g.bytes - off; int64(len(p)) > left {
		p, short = p[:left], io.EOF
	}
	at := g.seek(off / g.size)
	skip := off % g.size
	pages := pages{file: g.file, kept: map[int64][]byte{}}
	var element [16]byte
	for done := 0; done < len(p); skip = 0 {
		raw := element[:g.size]
		if err := pages.read(raw, at.place*g.size); err != nil {
			return done, err
		}
		if g.swapped {
			slices.Reverse(raw)
		}
		done += copy(p[done:], raw[skip:])
		at.next()
	}
	return len(p), short
}

// cursor walks through the elements of a tensor.
type cursor struct {
	*gather
	index []int64
	place int64 // in the storage, in elements
}

func (g *gather) seek(element int64) *cursor {
	c := &cursor{gather: g, index: make([]int64, len(g.shape)), place: g.offset}
	for i := len(g.shape) - 1; i >= 0; i-- {
		c.index[i] = element % g.shape[i]
		c.place += c.index[i] * g.stride[i]
		element /= g.shape[i]
	}
	return c
}

func (c *cursor) next() {
	for i := len(c.index) - 1; i >= 0; i-- {
		c.place += c.stride[i]
		if c.index[i]++; c.index[i] < c.shape[i] {
			return
		}
		c.place -= c.index[i] * c.stride[i]
		c.index[i] = 0
	}
}

// pages reads a file in small pages and keeps those it has read: the elements of a column lie far apart, but beside
// those of the next column.
type pages struct {
	file *io.SectionReader
	kept map[int64][]byte
	no   int64
	page []byte // number no
}

// read fills p, which lies within a page: elements are aligned to their size.
func (c *pages) read(p []byte, off int64) error {
	if no := off / pageSize; c.page == nil || no != c.no {
		if err := c.turn(no); err != nil {
			return err
		}
	}
	copy(p, c.page[off%pageSize:])
	return nil
}

func (c *pages) turn(no int64) error {
	page, ok := c.kept[no]
	if !ok {
		page = make([]byte, min(pageSize, c.file.Size()-no*pageSize))
		if _, err := io.ReadFull(io.NewSectionReader(c.file, no*pageSize, int64(len(page))), page); err != nil {
			return err
		}
		if len(c.kept) == maxPages {
			clear(c.kept)
		}
		c.kept[no] = page
	}
	c.no, c.page = no, page
	return nil
}
