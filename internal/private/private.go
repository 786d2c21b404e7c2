// Package private keeps folders that only the user can enter, in places where others may write, such as the folder for temporary
// files. Another user may take a predictable name there first. That user could read what is written, or redirect it with a
// symbolic link.
//
// Limits: on Windows each user has a folder for temporary files, and only links are rejected.
package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Folder creates a folder that only the user can enter, or checks an existing one as Check does. The parent folder must exist.
func Folder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return Check(path)
}

// ErrNotPrivate is wrapped by Check's errors.
var ErrNotPrivate = errors.New("not a private folder")

// Check returns an error that wraps ErrNotPrivate unless path is a folder that belongs to the user and that nobody else may
// enter. A link to a folder is an error.
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
		return "not a folder"
	}
	return foreign(info)
}
