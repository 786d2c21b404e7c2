package lineedit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/atomicfile"
)

// History holds the texts that were entered, the newest last. Without a file it is forgotten at the end of the program. Several
// programs may add to the same file. The zero value is empty and has no file.
type History struct {
	entries []string
	path    string
}

const (
	kept         = 1000    // entries that are read
	longestEntry = 1 << 20 // bytes of an entry in the file; longer ones are only kept in memory
	fullFile     = 8 << 20 // bytes; a larger file is written anew with the entries that are kept
)

// OpenHistory reads a history file, which has one JSON string per line. The file need not exist, but its folder must. Only the user
// may read the file. Lines that are not JSON strings are skipped.
func OpenHistory(path string) (*History, error) {
	h := &History{path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := h.read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if size > fullFile {
		return h, h.rewrite()
	}
	return h, nil
}

// read reads the entries and returns the number of bytes.
func (h *History) read(in io.Reader) (size int64, err error) {
	lines := bufio.NewReader(in)
	for {
		line, err := readLine(lines, 2*longestEntry, &size)
		var entry string
		if json.Unmarshal(line, &entry) == nil && entry != "" {
			h.entries = append(h.entries, entry)
			h.entries = h.entries[max(0, len(h.entries)-kept):]
		}
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// readLine returns the next line, or nothing for a line that is longer than limit. It adds the line's length to size.
func readLine(in *bufio.Reader, limit int, size *int64) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		*size += int64(len(part))
		if len(line) <= limit {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if len(line) > limit {
				line = nil
			}
			return line, err
		}
	}
}

// rewrite replaces the file by one with the entries that are kept.
func (h *History) rewrite() error {
	var all []byte
	for _, entry := range h.entries {
		all = append(all, encoded(entry)...)
	}
	f, err := atomicfile.Create(h.path, atomicfile.Options{Force: true})
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(all); err != nil {
		return err
	}
	return f.Commit()
}

func encoded(entry string) []byte {
	line, _ := json.Marshal(entry) // a string always has an encoding
	return append(line, '\n')
}

// Add appends an entry. It leaves out empty entries, and those that repeat the last one.
func (h *History) Add(entry string) error {
	if strings.TrimSpace(entry) == "" || len(h.entries) > 0 && h.entries[len(h.entries)-1] == entry {
		return nil
	}
	h.entries = append(h.entries, entry)
	h.entries = h.entries[max(0, len(h.entries)-kept):]
	if h.path == "" || len(entry) > longestEntry {
		return nil
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	line := encoded(entry)
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...) // a program was stopped while it wrote
		}
	}
	_, err = f.Write(line) // in one call, so that entries of several programs do not mix
	return errors.Join(err, f.Close())
}

// browser walks through a history and keeps what was changed on the way.
type browser struct {
	texts []string // the history, and the new text at the end
	at    int
}

func (h *History) browse() browser {
	texts := append(slices.Clone(h.entries), "")
	return browser{texts, len(texts) - 1}
}

// step keeps the current text and moves by one. It reports whether there is another text.
func (b *browser) step(by int, current string) (string, bool) {
	if b.at+by < 0 || b.at+by >= len(b.texts) {
		return "", false
	}
	b.texts[b.at] = current
	b.at += by
	return b.texts[b.at], true
}

// search is a search through a history.
type search struct {
	texts   []string
	query   string
	at      int    // the entry found last
	failed  bool   // the query has no match
	begun   string // the text before the search
	forward bool
}

// find looks for the query from an entry on, and keeps the last match if there is none.
func (s *search) find(from int) {
	step := -1
	if s.forward {
		step = 1
	}
	s.failed = false
	for i := from; i >= 0 && i < len(s.texts); i += step {
		if s.match(s.texts[i]) >= 0 && (s.query != "" || i == from) {
			s.at = i
			return
		}
	}
	s.failed = s.query != ""
}

// match returns where a text has the query, or -1. A query without capital letters finds both cases.
func (s *search) match(text string) int {
	if s.query == strings.ToLower(s.query) {
		if lower := strings.ToLower(text); len(lower) == len(text) {
			text = lower
		}
	}
	return strings.Index(text, s.query)
}

// prompt is what stands before the match.
func (s *search) prompt() string {
	name := "reverse-i-search"
	if s.forward {
		name = "i-search"
	}
	if s.failed {
		name = "failed " + name
	}
	return fmt.Sprintf("(%s)`%s': ", name, s.query)
}
