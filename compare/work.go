package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/lock"
	"github.com/gosling-rwkv/gosling/internal/private"
)

// A comparison keeps its notes in a folder of its own. The folder's name begins with workPrefix and identifies the comparison, so
// that the same comparison finds it again. Its files hold the settings and a lock.
const (
	workPrefix   = "gosling-"
	workSettings = "settings.json"
	workLock     = "lock"
)

// work is the locked folder of a running comparison.
type work struct {
	path string
	lock *os.File
}

// openWork creates and locks the folder. With Resume it uses the folder of a stopped comparison. Without Resume it removes what a
// killed comparison left. If another program uses the folder, openWork takes another one.
func openWork(command string, o Setup, s settings, inputs []string, t teller) (*work, error) {
	parent := o.Work
	if parent == "" {
		parent = os.TempDir()
	}
	name := filepath.Join(parent, workPrefix+command+"-"+s.id())
	if o.Resume {
		if err := adopt(parent, name, s, t); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	for n := 1; n <= mostFolders; n++ {
		if w, err := takeWork(numbered(name, n), o.Resume, inputs, t); err != nil {
			return nil, err
		} else if w != nil {
			return w, w.begin(s)
		}
	}
	return nil, fmt.Errorf("%s-*: %d folders of that name are in use or belong to others: name another folder for them", name, mostFolders)
}

// mostFolders is how many folders of one name are tried.
const mostFolders = 100

// numbered returns the n-th folder of a name.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n)
}

// freeName returns the first folder of a name that does not exist.
func freeName(name string) string {
	for n := 1; ; n++ {
		if _, err := os.Lstat(numbered(name, n)); err != nil {
			return numbered(name, n)
		}
	}
}

// takeWork creates and locks a folder. It returns nil if the folder belongs to another user or another program uses it.
func takeWork(path string, resume bool, inputs []string, t teller) (*work, error) {
	switch err := private.Folder(path); {
	case errors.Is(err, private.ErrNotPrivate):
		t.remark("%v: not used", err)
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := outside(path, inputs); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(path, workLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if ok, err := lock.Try(f); err == nil && !ok {
		return nil, f.Close()
	}
	if !resume {
		if err := emptyWork(path); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return &work{path, f}, nil
}

// begin writes the settings to the folder.
func (w *work) begin(s settings) error {
	err := remember(filepath.Join(w.path, workSettings), s)
	if err != nil {
		w.leave()
	}
	return err
}

// inputs returns the files and folders that the run reads.
func (r *run) inputs() []string {
	paths := []string{r.Base.Path}
	for _, text := range r.Texts {
		paths = append(paths, text.Path)
	}
	for _, cand := range r.Candidates {
		paths = append(paths, cand.Path)
	}
	for _, task := range r.Tasks {
		paths = append(paths, task.Path)
	}
	if r.Importance != nil {
		paths = append(paths, r.Importance.Path)
	}
	if r.Calibration != nil {
		paths = append(paths, r.Calibration.Path)
	}
	return paths
}

// outside returns an error if a folder is an input or holds one, because all files in the folder are removed.
func outside(folder string, inputs []string) error {
	is, err := os.Stat(folder)
	if err != nil {
		return err
	}
	for _, input := range inputs {
		for _, place := range []string{input, filepath.Dir(input)} {
			if at, err := os.Stat(place); input != "" && err == nil && os.SameFile(at, is) {
				return fmt.Errorf("%s lies in %s, the folder for temporary files of this comparison: move it", input, folder)
			}
		}
	}
	return nil
}

// emptyWork removes everything in a folder except the lock.
func emptyWork(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != workLock {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// adopt looks for a folder to resume from, unless the folder called name exists. It renames the folder of the same comparison,
// whose candidates may differ. It returns a SettingsError if only comparisons of the same base with other settings were found.
func adopt(parent, name string, s settings, t teller) error {
	if private.Check(name) == nil {
		return nil
	}
	left, err := findWork(parent, s[commandSetting])
	if err != nil {
		return err
	}
	for _, l := range left {
		if l.InUse || l.Base != s[baseSetting] {
			continue
		}
		differ := s.differences(l.settings)
		if len(differ) == 0 || slices.Equal(differ, []string{candidatesSetting}) {
			return os.Rename(l.Path, freeName(name))
		}
		err = &SettingsError{l.Path, differ}
	}
	if err == nil {
		t.remark("nothing to resume in %s: starting over", parent)
	}
	return err
}

// Left is the folder of a stopped or running comparison.
type Left struct {
	Path    string
	Command string // "compare" or "sensitivity"
	Base    string // name of the base
	InUse   bool

	settings settings
}

// FindLeft returns the user's folders of comparisons in parent.
func FindLeft(parent string) ([]Left, error) { return findWork(parent, "") }

// findWork returns the folders of a command, or of all commands if command is empty.
func findWork(parent, command string) ([]Left, error) {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var left []Left
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		if !strings.HasPrefix(e.Name(), workPrefix+command) || private.Check(path) != nil {
			continue
		}
		l := Left{Path: path}
		data, err := os.ReadFile(filepath.Join(path, workSettings))
		if err != nil || json.Unmarshal(data, &l.settings) != nil {
			continue
		}
		l.Command, l.Base = l.settings[commandSetting], l.settings[baseSetting]
		l.InUse = lock.Held(filepath.Join(path, workLock))
		left = append(left, l)
	}
	return left, err
}

// leave unlocks the folder.
func (w *work) leave() { _ = w.lock.Close() }

// remove removes the folder of a finished comparison.
func (w *work) remove() error {
	w.leave()
	return os.RemoveAll(w.path)
}

// keep keeps the folder of a comparison that ended early, and returns err as a StoppedError. If the folder holds nothing to
// resume from, keep removes it and returns err.
func (w *work) keep(err error) error {
	if !w.measuredAny() {
		_ = w.remove() // it holds nothing
		return err
	}
	w.leave()
	return &StoppedError{w.path, err}
}

// measuredAny reports whether the folder holds anything to resume from.
func (w *work) measuredAny() bool {
	entries, err := os.ReadDir(w.path)
	return err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != workLock && e.Name() != workSettings })
}
