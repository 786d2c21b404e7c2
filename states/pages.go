package states

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// The format of bbolt's files, version 2. Numbers have the byte order of the processor.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHeader    = 16 // id u64, flags u16, count u16, further pages u32
	elementHeader = 16 // of a leaf: flags, position, key bytes, value bytes, u32 each. Of a branch: position u32, key bytes u32, page u64
	bucketHeader  = 16 // root u64, sequence u64

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketFlag   = 0x01
	noFreelist   = 1<<64 - 1
)

// meta is what a bbolt file begins with, after the header of its page. There are two of them. The newest that is sound counts.
type meta struct {
	Magic, Version, PageSize, Flags uint32
	Root, Sequence                  uint64 // of the bucket of buckets
	Freelist, Pages, Transaction    uint64
	Checksum                        uint64
}

func (m meta) sound() bool {
	h := fnv.New64a()
	var b bytes.Buffer
	_ = binary.Write(&b, binary.NativeEndian, m)
	_, _ = h.Write(b.Bytes()[:b.Len()-8])
	return m.Magic == boltMagic && m.Version == boltVersion && m.Checksum == h.Sum64() && m.PageSize >= 1<<10 && m.PageSize <= 1<<24
}

// pages checks a bbolt file. bbolt maps the file and trusts it: with a damaged page, it reads and writes memory that is not its own.
type pages struct {
	file io.ReaderAt
	size int64
	meta
	seen map[uint64]bool
}

// checkPages returns an error if the pages of a bbolt file are not sound. Without a sound beginning it returns nil, since bbolt checks that.
func checkPages(file io.ReaderAt, size int64) error {
	p := &pages{file: file, size: size, seen: map[uint64]bool{0: true, 1: true}}
	if !p.begin() {
		return nil
	}
	if p.Pages > uint64(size)/uint64(p.PageSize) {
		return fmt.Errorf("it is cut short: it has %d bytes, want %d pages of %d", size, p.Pages, p.PageSize)
	}
	if err := p.tree(p.Root, nil, nil); err != nil {
		return err
	}
	return p.freelist()
}

// begin finds the newest sound meta.
func (p *pages) begin() bool {
	places := []int64{0}
	for at := int64(1 << 10); at <= 1<<24; at *= 2 {
		places = append(places, at)
	}
	for _, at := range places {
		var m meta
		r := io.NewSectionReader(p.file, at+pageHeader, int64(binary.Size(m)))
		if binary.Read(r, binary.NativeEndian, &m) != nil || !m.sound() || at != 0 && at != int64(m.PageSize) {
			continue
		}
		if !p.meta.sound() || m.Transaction > p.meta.Transaction {
			p.meta = m
		}
	}
	return p.meta.sound()
}

// page is a page with those that it goes on in.
type page struct {
	id    uint64
	flags uint16
	count int
	data  []byte // with the header
}

func (p *page) errorf(format string, args ...any) error {
	return fmt.Errorf("page %d: %s", p.id, fmt.Sprintf(format, args...))
}

// read reads a page, which must not have been read before.
func (p *pages) read(id uint64) (*page, error) {
	head := make([]byte, pageHeader)
	if id >= p.Pages {
		return nil, fmt.Errorf("page %d of %d", id, p.Pages)
	}
	at := int64(id) * int64(p.PageSize)
	if _, err := p.file.ReadAt(head, at); err != nil {
		return nil, err
	}
	more := uint64(binary.NativeEndian.Uint32(head[12:]))
	if more >= p.Pages-id {
		return nil, fmt.Errorf("page %d goes on for %d pages, there are %d", id, more, p.Pages)
	}
	got := pageIn(id, head)
	if is := binary.NativeEndian.Uint64(head); is != id {
		return nil, got.errorf("it says that it is page %d", is)
	}
	for i := id; i <= id+more; i++ {
		if p.seen[i] {
			return nil, got.errorf("it is used twice")
		}
		p.seen[i] = true
	}
	got.data = make([]byte, int64(more+1)*int64(p.PageSize))
	_, err := p.file.ReadAt(got.data, at)
	return got, err
}

func pageIn(id uint64, data []byte) *page {
	return &page{id, binary.NativeEndian.Uint16(data[8:]), int(binary.NativeEndian.Uint16(data[10:])), data}
}

// tree checks the pages from id on. Their keys are at least from and below to. A nil bound sets no limit.
func (p *pages) tree(id uint64, from, to []byte) error {
	page, err := p.read(id)
	if err != nil {
		return err
	}
	return p.elements(page, from, to)
}

func (p *pages) elements(page *page, from, to []byte) error {
	if page.flags != leafPage && (page.flags != branchPage || page.count == 0) {
		return page.errorf("flags %#x, %d elements", page.flags, page.count)
	}
	keys := make([][]byte, page.count)
	for i := range keys {
		key, value, err := page.element(i)
		if err != nil {
			return err
		}
		if len(key) == 0 && page.flags == leafPage || bytes.Compare(key, from) < 0 || to != nil && bytes.Compare(key, to) >= 0 || i > 0 && bytes.Compare(keys[i-1], key) >= 0 {
			return page.errorf("key %d is not in order", i)
		}
		keys[i] = key
		if err := p.bucket(page, i, value); err != nil {
			return err
		}
	}
	if page.flags == leafPage {
		return nil
	}
	for i, key := range keys {
		end := to
		if i+1 < len(keys) {
			end = keys[i+1]
		}
		if err := p.tree(binary.NativeEndian.Uint64(page.data[pageHeader+i*elementHeader+8:]), key, end); err != nil {
			return err
		}
	}
	return nil
}

// element returns the key of an element, and the value if the page is a leaf.
func (p *page) element(i int) (key, value []byte, err error) {
	at := pageHeader + i*elementHeader
	if at+elementHeader > len(p.data) {
		return nil, nil, p.errorf("%d elements do not fit", p.count)
	}
	number := func(i int) int64 { return int64(binary.NativeEndian.Uint32(p.data[at+4*i:])) }
	place, keyBytes, valueBytes := number(1), number(2), number(3)
	if p.flags == branchPage {
		place, keyBytes, valueBytes = number(0), number(1), 0
	}
	begin := int64(at) + place
	if begin < pageHeader+int64(p.count)*elementHeader || begin+keyBytes+valueBytes > int64(len(p.data)) {
		return nil, nil, p.errorf("element %d reaches beyond its end", i)
	}
	return p.data[begin : begin+keyBytes], p.data[begin+keyBytes : begin+keyBytes+valueBytes], nil
}

// bucket checks the bucket that an element of a leaf may be.
func (p *pages) bucket(in *page, i int, value []byte) error {
	if in.flags != leafPage {
		return nil
	}
	switch flags := binary.NativeEndian.Uint32(in.data[pageHeader+i*elementHeader:]); {
	case flags == 0:
		return nil
	case flags != bucketFlag || len(value) < bucketHeader:
		return in.errorf("element %d has flags %#x and %d bytes", i, flags, len(value))
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return p.tree(root, nil, nil)
	}
	inside := value[bucketHeader:] // a small bucket is a page within its element
	if len(inside) < pageHeader {
		return in.errorf("the bucket in element %d is cut short", i)
	}
	page := pageIn(in.id, inside)
	if page.flags != leafPage {
		return page.errorf("flags %#x within a bucket", page.flags)
	}
	return p.elements(page, nil, nil)
}

// freelist checks the list of pages that nothing uses.
func (p *pages) freelist() error {
	if p.Freelist == noFreelist {
		return nil
	}
	page, err := p.read(p.Freelist)
	if err != nil {
		return err
	}
	if page.flags != freelistPage {
		return page.errorf("flags %#x, want a list of free pages", page.flags)
	}
	ids, count := page.data[pageHeader:], uint64(page.count)
	if count == 0xFFFF && len(ids) >= 8 {
		count, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return page.errorf("%d free pages do not fit", count)
	}
	for i := range count {
		id := binary.NativeEndian.Uint64(ids[8*i:])
		if id >= p.Pages || p.seen[id] {
			return page.errorf("page %d is not free", id)
		}
		p.seen[id] = true
	}
	return nil
}
