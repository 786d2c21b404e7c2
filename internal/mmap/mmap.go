// Package mmap maps files into memory for reading.
//
// Limits: a file that another program cuts short while it is mapped makes the reads of the missing pages fault, as on
// every system that has such mappings.
package mmap

import (
	"fmt"
	"math"
	"os"
	"sync"
)

// Map is a file in memory, read-only. It may be shared between goroutines, Close excepted.
type Map struct {
	bytes []byte
	once  sync.Once
}

// Open maps the whole of a regular file.
func Open(path string) (*Map, error) {
	// Looked at before it is opened, since opening a pipe would wait for its other end.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file, which it must be to be mapped into memory", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	if size == 0 {
		return &Map{}, nil // no system maps nothing
	}
	if size > math.MaxInt {
		return nil, fmt.Errorf("%s: its %d bytes are more than this system's address space", path, size)
	}
	b, err := mapFile(f, int(size))
	if err != nil {
		return nil, fmt.Errorf("%s: mapping %d bytes into memory: %w", path, size, err)
	}
	return &Map{bytes: b}, nil
}

// Bytes returns the file. It must not be written to, nor used after Close.
func (m *Map) Bytes() []byte { return m.bytes }

// DontNeed tells the system that n bytes at an offset need not stay in memory. They may still be read, and are then
// fetched again. Where the system has no such advice nothing happens.
func (m *Map) DontNeed(offset, n int64) {
	page := int64(os.Getpagesize())
	start, end := offset&^(page-1), offset+n
	if n <= 0 || offset < 0 || end < offset || end > int64(len(m.bytes)) {
		return
	}
	drop(m.bytes[start:end])
}

// Close unmaps the file. It is safe to call twice.
func (m *Map) Close() (err error) {
	m.once.Do(func() {
		if m.bytes != nil {
			err = unmap(m.bytes)
			m.bytes = nil
		}
	})
	return err
}
