package imatrix

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// llama.cpp's format before GGUF (.dat). It begins with the number of entries. Each entry has the name, the number of chunks, the
// number of channels and, for each channel, the mean square times the number of chunks. At the end follow the total number of
// chunks and the name of the text, which the oldest files lack. Numbers have 32 bits, little-endian. A text is its length and its
// bytes.

const (
	legacyChunk = 512     // tokens per chunk, which the files do not tell: the default of llama-imatrix
	maxName     = 1 << 10 // bytes of a name or a path, more than any file has
	maxLegacy   = 1 << 20 // entries
)

// errLegacy is the error for a file in neither format.
var errLegacy = errors.New("is not an importance matrix: want a GGUF file, or llama.cpp's .dat")

// legacy reads the numbers and texts of such a file.
type legacy struct {
	r    *bufio.Reader
	left int64
	sums int64 // so far
}

// readLegacy reads a file of size bytes.
func readLegacy(r io.Reader, size int64) (*Matrix, error) {
	l := &legacy{r: bufio.NewReader(r), left: size}
	n, err := l.int()
	if err != nil || n < 1 || n > maxLegacy {
		return nil, errLegacy
	}
	m := &Matrix{ChunkSize: legacyChunk}
	for i := range n {
		e, err := l.entry()
		if err != nil && i == 0 && e.Name == "" {
			return nil, errLegacy
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d of %d: %w", i+1, n, err)
		}
		m.Entries = append(m.Entries, e)
		m.Chunks = max(m.Chunks, int(e.Tokens/legacyChunk))
	}
	slices.SortFunc(m.Entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	for i := range m.Entries[1:] {
		if name := m.Entries[i].Name; name == m.Entries[i+1].Name {
			return nil, fmt.Errorf("tensor %q appears twice", name)
		}
	}
	return m, l.end(m)
}

// end reads what follows the entries, if anything.
func (l *legacy) end(m *Matrix) error {
	if l.left == 0 {
		return nil
	}
	chunks, err := l.int()
	if err == nil && chunks < 0 {
		err = fmt.Errorf("%d chunks: damaged", chunks)
	}
	if err != nil {
		return fmt.Errorf("the number of chunks at the end: %w", err)
	}
	m.Chunks = int(chunks)
	if l.left == 0 {
		return nil
	}
	text, err := l.text()
	if err != nil {
		return fmt.Errorf("the name of the text at the end: %w", err)
	}
	if text != "" {
		m.Datasets = []string{text}
	}
	return nil
}

// entry reads one entry. It scales the sums to the number of tokens. With an error it returns the name, if that was read.
func (l *legacy) entry() (Entry, error) {
	name, err := l.text()
	if err != nil {
		return Entry{}, err
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Entry{}, fmt.Errorf("%s is not the name of a tensor: damaged", excerpt.Of(name))
	}
	chunks, err := l.int()
	if err != nil {
		return Entry{Name: name}, err
	}
	channels, err := l.int()
	switch {
	case err != nil:
		return Entry{Name: name}, err
	case chunks < 0 || channels < 1:
		return Entry{Name: name}, fmt.Errorf("tensor %q has %d chunks of %d channels: damaged", name, chunks, channels)
	case int64(channels) > l.left/4:
		return Entry{Name: name}, fmt.Errorf("tensor %q has %d channels, but only %d bytes are left: cut short", name, channels, l.left)
	}
	if l.sums += int64(channels); l.sums > MaxSums {
		return Entry{Name: name}, fmt.Errorf("tensor %q: more than %d sums in all: no importance matrix has that many", name, MaxSums)
	}
	data := make([]byte, 4*int64(channels))
	if err := l.read(data); err != nil {
		return Entry{Name: name}, err
	}
	e := Entry{Name: name, Squares: make([]float64, channels), Tokens: int64(chunks) * legacyChunk}
	for i := range e.Squares {
		x := math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		if e.Squares[i] = float64(x) * legacyChunk; !(x >= 0) || !float.Finite(x) {
			return Entry{Name: name}, fmt.Errorf("tensor %q: element %d is %v, which is not a mean square: damaged", name, i, x)
		}
	}
	return e, nil
}

func (l *legacy) text() (string, error) {
	n, err := l.int()
	if err != nil {
		return "", err
	}
	if n < 0 || n > maxName || int64(n) > l.left {
		return "", fmt.Errorf("a text of %d bytes, but only %d bytes are left: damaged or cut short", n, l.left)
	}
	data := make([]byte, n)
	if err := l.read(data); err != nil {
		return "", err
	}
	return strings.ToValidUTF8(string(data), "\uFFFD"), nil
}

func (l *legacy) int() (int32, error) {
	var b [4]byte
	err := l.read(b[:])
	return int32(binary.LittleEndian.Uint32(b[:])), err
}

func (l *legacy) read(p []byte) error {
	if int64(len(p)) > l.left {
		return fmt.Errorf("%d bytes are left: cut short", l.left)
	}
	l.left -= int64(len(p))
	if _, err := io.ReadFull(l.r, p); err != nil {
		return fmt.Errorf("the file became shorter while it was read: %w", err)
	}
	return nil
}
