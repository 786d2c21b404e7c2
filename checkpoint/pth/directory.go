package pth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// The limits of a zip archive's directory. The largest RWKV checkpoint has some 2,200 records; a name has some 30 bytes.
const (
	MaxRecords   = 1 << 17
	MaxDirectory = 32 << 20 // bytes that are read for it
)

// The marks of the records at the end of an archive, and their lengths.
const (
	endMark, endLen         = "PK\x05\x06", 22
	locatorMark, locatorLen = "PK\x06\x07", 20
	end64Mark, end64Len     = "PK\x06\x06", 56
)

// claimedRecords is how many records an archive's end says that its directory has; 0 where it has no sound end. archive/zip makes
// room for as many, up to a thirtieth of the file's bytes, before it reads them.
func claimedRecords(file io.ReaderAt, size int64) uint64 {
	start := max(0, size-endLen-1<<16)
	tail := make([]byte, size-start)
	if _, err := file.ReadAt(tail, start); err != nil && err != io.EOF {
		return 0
	}
	at := bytes.LastIndex(tail[:max(0, len(tail)-endLen+len(endMark))], []byte(endMark))
	if at < 0 {
		return 0
	}
	le, end := binary.LittleEndian, tail[at:]
	n := uint64(le.Uint16(end[10:]))
	locator := make([]byte, locatorLen)
	if _, err := file.ReadAt(locator, start+int64(at)-locatorLen); err != nil || string(locator[:4]) != locatorMark {
		return n
	}
	end64 := make([]byte, end64Len)
	if _, err := file.ReadAt(end64, int64(le.Uint64(locator[8:]))); err != nil || string(end64[:4]) != end64Mark {
		return n
	}
	return max(n, le.Uint64(end64[32:]))
}

// limitedReader reads a file up to a number of bytes, or, once the directory was read, all of it.
type limitedReader struct {
	file  io.ReaderAt
	left  int64
	whole bool
}

// ReadAt implements io.ReaderAt.
func (l *limitedReader) ReadAt(p []byte, off int64) (int, error) {
	if l.whole {
		return l.file.ReadAt(p, off)
	}
	if int64(len(p)) > l.left {
		return 0, fmt.Errorf("more than %d MiB", MaxDirectory>>20)
	}
	l.left -= int64(len(p))
	return l.file.ReadAt(p, off)
}
