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

// A comparison keeps its notes in a folder of its own. The folder's name begins with workPrefix and tells what is compared, so that
// the same comparison finds it again; the files in it say so too, and that it is in use.
const (
	workPrefix   = "gosling-"
	workSettings = "settings.json"
	workLock     = "lock"
)

// work is the folder of a comparison that runs, which is locked.
type work struct {
	path string
	lock *os.File
}

// openWork makes the folder, or with Resume finds the one of a comparison that was stopped. What a comparison left that was killed is
// removed by the next one without Resume. A folder that another program works in is left to it, and another one is taken.
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
	return nil, fmt.Errorf("%s-*: %d folders of that name are in use or others': name another folder for them", name, mostFolders)
}

// mostFolders is how many folders of one name are tried.
const mostFolders = 100

// numbered is the n-th folder of a name.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n)
}

// freeName is the first folder of a name that is not there.
func freeName(name string) string {
	for n := 1; ; n++ {
		if _, err := os.Lstat(numbered(name, n)); err != nil {
			return numbered(name, n)
		}
	}
}

// takeWork makes a folder and locks it. It returns nil if another program or user has it.
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

// begin notes what the folder is of.
func (w *work) begin(s settings) error {
	err := remember(filepath.Join(w.path, workSettings), s)
	if err != nil {
		w.leave()
	}
	return err
}

// inputs are the files and folders that are read.
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
	return paths
}

// outside refuses a folder that holds an input, or is one, since all in it is removed.
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

// emptyWork removes what a folder holds but the lock.
func emptyWork(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != workLock {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// adopt looks for the folder to go on with, unless the one of that name is there. One of the same comparison with other candidates
// gets the name. One of the same base in which more differs is a SettingsError.
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
		t.remark("nothing to go on with in %s, beginning anew", parent)
	}
	return err
}

// Left is the folder of a comparison that was stopped, or that still runs.
type Left struct {
	Path    string
	Command string // "compare" or "sensitivity"
	Base    string // what the base is called
	InUse   bool

	settings settings
}

// FindLeft finds the user's folders of comparisons in another one.
func FindLeft(parent string) ([]Left, error) { return findWork(parent, "") }

// findWork finds the folders of a command, or of all if it is empty.
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

// leave lets others have the folder.
func (w *work) leave() { _ = w.lock.Close() }

// remove removes the folder of a comparison that is done.
func (w *work) remove() error {
	w.leave()
	return os.RemoveAll(w.path)
}

// keep leaves the folder of a comparison that ended early, if it holds anything to go on from, and returns err.
func (w *work) keep(err error) error {
	if !w.measuredAny() {
		_ = w.remove() // it holds nothing
		return err
	}
	w.leave()
	return &StoppedError{w.path, err}
}

// measuredAny reports whether the folder holds anything to go on from.
func (w *work) measuredAny() bool {
	entries, err := os.ReadDir(w.path)
	return err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != workLock && e.Name() != workSettings })
}
