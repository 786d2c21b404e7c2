package libraries

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// unpacked bounds what an archive holds.
const unpacked = 8 << 30

// unpack writes the libraries, the licenses and the description of a package to a new folder. Other files, such as llama.cpp's
// libraries and programs in JavaScript, are left out.
func unpack(ctx context.Context, archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("the archive: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir) // nothing is written outside
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(unpacked)
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("the archive: %w", err)
		}
		_, name, _ := strings.Cut(path.Clean(h.Name), "/") // npm puts all into one folder
		if h.Typeflag != tar.TypeReg || !wanted(name) {
			continue
		}
		if left -= h.Size; left < 0 {
			return fmt.Errorf("the archive holds more than %d bytes", int64(unpacked))
		}
		if err := write(root, name, t); err != nil {
			return err
		}
	}
}

// wanted reports whether a file of a package is kept.
func wanted(name string) bool {
	base := strings.ToUpper(path.Base(name))
	return name == "package.json" || strings.HasPrefix(name, "bins/") && !strings.Contains(base, "LLAMA") || !strings.Contains(name, "/") && strings.HasPrefix(base, "LICENSE")
}

func write(root *os.Root, name string, from io.Reader) error {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(filepath.FromSlash(dir), 0o755); err != nil {
			return err
		}
	}
	out, err := root.OpenFile(filepath.FromSlash(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	return errors.Join(err, out.Sync(), out.Close())
}
