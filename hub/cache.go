package hub

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/atomicfile"
)

// incomplete is the end of the name of a file that is being downloaded.
const incomplete = ".incomplete"

// folder returns the name of a repository's folder in the cache.
func (r Repo) folder() string { return "models--" + r.Owner + "--" + r.Name }

func (c *Client) repoPath(r Repo) string { return filepath.Join(c.site.Cache, r.folder()) }

func (c *Client) blobPath(r Repo, f File) string {
	return filepath.Join(c.repoPath(r), "blobs", f.ID())
}

func (c *Client) lockPath(r Repo, f File) string {
	return filepath.Join(c.site.Cache, ".locks", r.folder(), f.ID()+".lock")
}

// Arrived returns how many bytes of a file are in the cache already.
func (c *Client) Arrived(r Repo, f File) int64 {
	for _, path := range []string{c.blobPath(r, f), c.blobPath(r, f) + incomplete} {
		if info, err := os.Stat(path); err == nil {
			return min(info.Size(), f.Size)
		}
	}
	return 0
}

// Cache returns the folder that files are downloaded to.
func (c *Client) Cache() string { return c.site.Cache }

// Show makes a file that Fetch returned visible to other programs, at its name below snapshots, and returns the path.
func (c *Client) Show(r Repo, b Blob) (string, error) {
	commit := b.Commit
	if commit == "" {
		commit = c.revision(r)
	}
	path := filepath.Join(c.repoPath(r), "snapshots", filepath.FromSlash(commit), filepath.FromSlash(b.File.Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	target, err := filepath.Rel(filepath.Dir(path), b.Path)
	if err != nil {
		return "", err
	}
	if err := os.Symlink(target, path); errors.Is(err, fs.ErrExist) {
		old, err := os.Readlink(path)
		if err == nil && old != target {
			err = errors.Join(os.Remove(path), os.Symlink(target, path))
		}
		if err != nil {
			return "", err
		}
	} else if err != nil { // symbolic links need a right on Windows
		if err := os.Link(b.Path, path); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	if b.Commit == "" || b.Commit == r.Revision {
		return path, nil
	}
	return path, c.setRef(r, b.Commit)
}

// setRef notes which commit a branch is at.
func (c *Client) setRef(r Repo, commit string) error {
	ref := filepath.Join(c.repoPath(r), "refs", filepath.FromSlash(c.revision(r)))
	if err := os.MkdirAll(filepath.Dir(ref), 0o755); err != nil {
		return err
	}
	f, err := atomicfile.Create(ref, atomicfile.Options{Force: true})
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(commit); err != nil {
		return err
	}
	return f.Commit()
}

// Shown reports whether a snapshot of any program leads to a file. If none does, nobody but the program that downloaded the file
// knows of it.
func (c *Client) Shown(r Repo, f File) bool {
	blob, err := os.Stat(c.blobPath(r, f))
	if err != nil {
		return false
	}
	found := false
	_ = filepath.WalkDir(filepath.Join(c.repoPath(r), "snapshots"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if info, err := os.Stat(path); err == nil && os.SameFile(info, blob) {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// Drop removes a file from the cache unless a snapshot leads to it, and the folders that this leaves empty.
func (c *Client) Drop(r Repo, f File) error {
	if c.Shown(r, f) {
		return nil
	}
	path := c.blobPath(r, f)
	var problems []error
	for _, name := range []string{path, path + incomplete, c.lockPath(r, f)} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	c.tidy(r)
	return errors.Join(problems...)
}

// tidy removes the folders of a repository that are empty.
func (c *Client) tidy(r Repo) {
	locks := filepath.Join(c.site.Cache, ".locks")
	for _, dir := range []string{filepath.Join(c.repoPath(r), "blobs"), c.repoPath(r), filepath.Join(locks, r.folder()), locks} {
		_ = os.Remove(dir) // not if something is in it
	}
}

// Partial is a download that was stopped.
type Partial struct {
	Repo string
	Path string
	Size int64
}

// Partials lists the stopped downloads in Hugging Face's cache and in that of ModelScope inside it.
func Partials(cache string) []Partial {
	var all []Partial
	for _, dir := range []string{cache, filepath.Join(cache, modelScopeFolder)} {
		files := os.DirFS(dir)
		found, _ := fs.Glob(files, "models--*/blobs/*"+incomplete)
		for _, path := range found {
			if info, err := fs.Stat(files, path); err == nil {
				folder, _, _ := strings.Cut(path, "/")
				repo := strings.Replace(strings.TrimPrefix(folder, "models--"), "--", "/", 1)
				all = append(all, Partial{repo, filepath.Join(dir, filepath.FromSlash(path)), info.Size()})
			}
		}
	}
	return all
}

// modelScopeFolder is the folder in Hugging Face's cache for files of ModelScope.
const modelScopeFolder = "modelscope"
