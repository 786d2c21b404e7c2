package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/lock"
)

// MaxKeys is the most keys of a file. Every request is compared with all of them.
const MaxKeys = 10_000

// FileLimit is the largest key file.
var FileLimit = infile.Limit{Bytes: 1 << 20, What: "a key file"}

// Read returns the keys of a file in their order.
func Read(path string) ([]Key, error) {
	f, err := read(path)
	if err != nil {
		return nil, err
	}
	return f.keys(), nil
}

// Errors of Add and Remove.
var (
	ErrExists  = errors.New("the file has a key with this name")
	ErrMissing = errors.New("the file has no key with this name")
)

// Add adds a key to a file, which it creates if it is missing. Only the user may read the file. The error for a name that is there wraps
// ErrExists.
func Add(ctx context.Context, path string, k Key) error {
	if err := k.check(); err != nil {
		return err
	}
	return edit(ctx, path, func(f *file) error {
		if slices.ContainsFunc(f.lines, func(l line) bool { return l.key != nil && l.key.Name == k.Name }) {
			return fmt.Errorf("%s: %q: %w", path, k.Name, ErrExists)
		}
		if len(f.keys()) == MaxKeys {
			return fmt.Errorf("%s: has %d keys, the most that a file may have", path, MaxKeys)
		}
		f.lines = append(f.lines, line{k.String(), &k})
		return nil
	})
}

// Remove removes a key from a file. A server that uses the file refuses the key from then on. The error for a name that is not there wraps
// ErrMissing.
func Remove(ctx context.Context, path, name string) error {
	return edit(ctx, path, func(f *file) error {
		i := slices.IndexFunc(f.lines, func(l line) bool { return l.key != nil && l.key.Name == name })
		if i < 0 {
			return fmt.Errorf("%s: %.80q: %w", path, name, ErrMissing)
		}
		f.lines = slices.Delete(f.lines, i, i+1)
		return nil
	})
}

// file is the lines of a key file.
type file struct{ lines []line }

type line struct {
	text string
	key  *Key // nil for a comment or an empty line
}

func (f *file) keys() []Key {
	var keys []Key
	for _, l := range f.lines {
		if l.key != nil {
			keys = append(keys, *l.key)
		}
	}
	return keys
}

func read(path string) (*file, error) {
	data, err := FileLimit.File(path)
	if err != nil {
		return nil, err
	}
	f, err := parseFile(string(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func parseFile(text string) (*file, error) {
	f := &file{}
	names, hashes := map[string]bool{}, map[[32]byte]bool{}
	for number, text := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		text = strings.TrimSuffix(text, "\r")
		if bare := strings.TrimSpace(text); bare == "" || bare[0] == '#' {
			f.lines = append(f.lines, line{text: text})
			continue
		}
		k, err := parse(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		case names[k.Name]:
			return nil, fmt.Errorf("line %d: a line above has the name %q too", number+1, k.Name)
		case hashes[k.Hash]:
			return nil, fmt.Errorf("line %d: a line above has the hash of %q too", number+1, k.Name)
		case len(names) == MaxKeys:
			return nil, fmt.Errorf("line %d: more than %d keys", number+1, MaxKeys)
		}
		names[k.Name], hashes[k.Hash] = true, true
		f.lines = append(f.lines, line{text, &k})
	}
	return f, nil
}

func (f *file) String() string {
	var b strings.Builder
	for _, l := range f.lines {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.String()
}

// edit changes a file. Only one program at a time does so.
func edit(ctx context.Context, path string, change func(*file) error) error {
	held, err := lock.Wait(ctx, path+".lock", nil)
	if err != nil {
		return err
	}
	defer held.Remove()
	f, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f = &file{lines: []line{{text: "# name hash permissions limits"}}}
	case err != nil:
		return err
	}
	if err := change(f); err != nil {
		return err
	}
	return write(path, f)
}

// write replaces a file. Only the user may read it.
func write(path string, f *file) error {
	out, err := atomicfile.Create(path, atomicfile.Options{Force: true})
	if err != nil {
		return err
	}
	defer out.Close()
	if err := out.Chmod(0o600); err != nil {
		return err
	}
	if _, err := out.WriteString(f.String()); err != nil {
		return err
	}
	return out.Commit()
}
