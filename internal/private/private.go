// Package private keeps folders for the user alone in places where others may write, such as the folder for temporary files. There another
// user may take a predictable name first. That user could read what is written, or lead it elsewhere with a symbolic link.
//
// Limits: on Windows each user has a folder for temporary files, and only links are refused.
package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Folder makes a folder that only the user can enter, or checks the one that is there as Check does. The folder above must exist.
func Folder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return Check(path)
}

// ErrNotPrivate is what Check's errors wrap.
var ErrNotPrivate = errors.New("not a private folder")

// Check returns an error that wraps ErrNotPrivate unless path is a folder, and no link to one, that belongs to the user and that
// nobody else may read or write.
func Check(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if reason := fault(info); reason != "" {
		return fmt.Errorf("%s: %w: %s", path, ErrNotPrivate, reason)
	}
	return nil
}

func fault(info fs.FileInfo) string {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "a symbolic link"
	case !info.IsDir():
		return "no folder"
	}
	return foreign(info)
}
