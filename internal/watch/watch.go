// Package watch tells when files have changed, to programs that read them again while they run.
//
// Limits: it looks at the files when it is asked. It does not see a change that leaves a file's size and time as they were, unless the
// change replaced the file.
package watch

import (
	"io/fs"
	"os"
	"time"
)

// often is how often files are looked at.
const often = time.Second

// Files are files that may change. They belong to one goroutine at a time.
type Files struct {
	paths []string
	seen  []fs.FileInfo // nil for a file that was not there
	next  time.Time     // when to look again
}

// New looks at files for the first time. Read them afterwards, so that no change is missed.
func New(paths ...string) *Files {
	f := &Files{paths: paths}
	f.seen = f.look()
	return f
}

// Changed reports whether a file has changed, come or gone since the last look. It looks at most once a second. now is the time.
func (f *Files) Changed(now time.Time) bool {
	if now.Before(f.next) {
		return false
	}
	f.next = now.Add(often)
	was := f.seen
	f.seen = f.look()
	for i, is := range f.seen {
		if !same(was[i], is) {
			return true
		}
	}
	return false
}

func (f *Files) look() []fs.FileInfo {
	seen := make([]fs.FileInfo, len(f.paths))
	for i, path := range f.paths {
		if info, err := os.Stat(path); err == nil {
			seen[i] = info
		}
	}
	return seen
}

func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
