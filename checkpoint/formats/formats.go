// Package formats opens a checkpoint of any format that can be read, told by its first bytes and never by its name.
// A file of another kind is refused with an error that says what it seems to be and what to do.
//
// Limits: .pth files and the .bin models of rwkv.cpp are read.
package formats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"gosling/checkpoint"
	"gosling/checkpoint/pth"
	"gosling/checkpoint/rwkvcpp"
)

// Open opens a checkpoint. The caller closes what it returns. Errors name the file.
func Open(path string) (*checkpoint.File, error) {
	head, err := readHead(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte(rwkvcpp.Magic)) {
		return rwkvcpp.Open(path)
	}
	if what := recognize(head); what != "" {
		return nil, fmt.Errorf("%s: %s", path, what)
	}
	return pth.Open(path)
}

// headSize covers every magic: that of a tar archive begins at byte 257.
const headSize = 512

func readHead(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: is a folder, name the checkpoint file in it", path)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is no regular file, copy what it gives into one first", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return head[:n], nil
}
