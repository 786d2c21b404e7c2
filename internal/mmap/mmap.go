// Package mmap opens files for reading, by calls and mapped into memory.
//
// Limits: if another program shortens a mapped file, touching the missing bytes ends the process, on every system with such
// mappings. Go code therefore reads with ReadAt or inside View, which then return an error. Bytes is for C code that computes on
// the file itself. Changed tells whether the file is still as it was when opened.
package mmap

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"sync"
	"time"
	"unsafe"

	"github.com/gosling-rwkv/gosling/internal/infile"
)

// Map is an open, read-only file. It may be shared between goroutines, except for Close.
type Map struct {
	path    string
	file    *os.File
	size    int64
	written time.Time // modification time when it was opened
	bytes   []byte
	once    sync.Once
}

// ErrChanged is wrapped by errors about a file that was written to or shortened after it was opened.
var ErrChanged = errors.New("the file has changed since it was opened")

// Open opens a regular file and maps all of it.
func Open(path string) (*Map, error) {
	f, err := infile.Open(path)
	if err != nil {
		return nil, err
	}
	m := &Map{path: path, file: f}
	if err := m.open(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return m, nil
}

// open maps the file.
func (m *Map) open() error {
	info, err := m.file.Stat()
	if err != nil {
		return err
	}
	m.size, m.written = info.Size(), info.ModTime()
	if m.size == 0 {
		return nil // no system can map an empty file
	}
	if m.size > math.MaxInt {
		return fmt.Errorf("%s: its %d bytes are more than this system's address space", m.path, m.size)
	}
	if m.bytes, err = mapFile(m.file, int(m.size)); err != nil {
		return fmt.Errorf("%s: mapping %d bytes into memory: %w", m.path, m.size, err)
	}
	return nil
}

// Size returns the file's length in bytes when it was opened.
func (m *Map) Size() int64 { return m.size }

// Bytes returns the mapped file. The caller must not write to it, or use it after Close. Reading the missing part of a shortened
// file ends the process.
func (m *Map) Bytes() []byte { return m.bytes }

// ReadAt reads with a system call instead of from the mapping. If the file has become shorter, the error wraps ErrChanged and
// names the file.
func (m *Map) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.file.ReadAt(p, off)
	if errors.Is(err, io.EOF) && n < len(p) && off+int64(len(p)) <= m.size {
		return n, fmt.Errorf("%s: %w: it ends at byte %d, and had %d", m.path, ErrChanged, off+int64(n), m.size)
	}
	return n, err
}

// View calls read with the mapped file. If the file was shortened and read touches the missing part, View returns an error that
// wraps ErrChanged and names the file. read must not keep any of the bytes or pass them to another goroutine.
func (m *Map) View(read func(b []byte)) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // a memory error of the runtime
			if !m.holds(cause.Addr()) {
				panic(cause)
			}
			err = fmt.Errorf("%s: %w: it was cut short while it was read", m.path, ErrChanged)
		default:
			panic(cause)
		}
	}()
	read(m.bytes)
	return nil
}

// holds reports whether an address is inside the mapping.
func (m *Map) holds(address uintptr) bool {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(m.bytes)))
	return address >= first && address-first < uintptr(len(m.bytes))
}

// Changed returns an error that wraps ErrChanged if the file was written to or shortened after it was opened. A new file that
// replaced it under its name does not count.
func (m *Map) Changed() error {
	info, err := m.file.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() != m.size:
		return fmt.Errorf("%s: %w: it has %d bytes now, and had %d", m.path, ErrChanged, info.Size(), m.size)
	case !info.ModTime().Equal(m.written):
		return fmt.Errorf("%s: %w: it was written to at %s", m.path, ErrChanged, info.ModTime().Format(time.DateTime))
	}
	return nil
}

// Close unmaps and closes the file. It is safe to call twice.
func (m *Map) Close() (err error) {
	m.once.Do(func() {
		if m.bytes != nil {
			err = unmap(m.bytes)
			m.bytes = nil
		}
		err = errors.Join(err, m.file.Close())
	})
	return err
}
