package calibration

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/lock"
)

// Draft is a file that is being collected. It has its full length from the beginning, and moments are replaced in their place. It belongs to
// one goroutine at a time, and to one program.
type Draft struct {
	*File
	out *os.File
}

// NewDraft begins a file in which nothing is collected yet. It replaces an existing one only with force. The caller closes it.
func NewDraft(path string, force bool, info Info, entries []Entry) (*Draft, error) {
	file, err := atomicfile.Create(path, atomicfile.Options{Force: force})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	w, err := gguf.NewWriter(file, header(info, without(entries, nil)))
	if err != nil {
		return nil, err
	}
	if err := file.Truncate(w.Size()); err != nil {
		return nil, err
	}
	if err := file.Commit(); err != nil {
		return nil, err
	}
	return OpenDraft(path)
}

// OpenDraft opens a file to continue it. The caller closes it.
func OpenDraft(path string) (*Draft, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	d := &Draft{File: f}
	if d.out, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		f.Close()
		return nil, err
	}
	if free, err := lock.Try(d.out); err == nil && !free {
		d.Close()
		return nil, fmt.Errorf("%s: another program is writing it", path)
	}
	w, err := gguf.NewWriter(nowhere{}, header(d.Info, d.Entries))
	if err != nil || w.Size() != f.file.Size() || !slices.EqualFunc(w.Tensors(), f.file.Tensors(), samePlace) {
		d.Close()
		return nil, fmt.Errorf("%s: has another layout than files that are collected, so it cannot be continued", path)
	}
	return d, nil
}

func samePlace(a, b gguf.Tensor) bool { return a.Name == b.Name && a.Offset == b.Offset }

// nowhere drops what is written.
type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// Change replaces the moments of some entries, by their index, and the numbers of chunks of all. If the program or the machine stops
// meanwhile, the moments of these entries are either there or not collected yet.
func (d *Draft) Change(ctx context.Context, chunks []int, moments map[int][]float32) error {
	entries := slices.Clone(d.Entries)
	for i, n := range chunks {
		entries[i].Chunks = n
	}
	w, err := d.sign(without(entries, moments))
	if err != nil {
		return err
	}
	for i, x := range moments {
		if err := put(ctx, w, i, x); err != nil {
			return err
		}
	}
	if err := d.out.Sync(); err != nil {
		return err
	}
	if _, err := d.sign(entries); err != nil {
		return err
	}
	d.Entries = entries
	return nil
}

// sign writes the header for some entries to the disk.
func (d *Draft) sign(entries []Entry) (*gguf.Writer, error) {
	w, err := gguf.NewWriter(d.out, header(d.Info, entries))
	if err != nil {
		return nil, err
	}
	return w, d.out.Sync()
}

// without returns entries of which some, or all if those are nil, are not collected yet.
func without(entries []Entry, some map[int][]float32) []Entry {
	entries = slices.Clone(entries)
	for i := range entries {
		if _, ok := some[i]; ok || some == nil {
			entries[i].Chunks = 0
		}
	}
	return entries
}

// Close closes the file. It is safe to call twice.
func (d *Draft) Close() error {
	_ = d.out.Close()
	return d.File.Close()
}
