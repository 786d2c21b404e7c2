package cli

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/lock"
	"github.com/gosling-rwkv/gosling/internal/private"
)

// A comparison keeps what is needed on the way in a folder of its own. The folder's name begins with workPrefix and tells what is
// compared, so that the same comparison finds it again; the files in it say so too, and that it is in use.
const (
	workPrefix   = "gosling-"
	workSettings = "settings.json"
	workLock     = "lock"
)

// settings say what a comparison is of. Only candidates may differ where one goes on with the folder of another, since what was
// measured of each is kept apart.
type settings map[string]string

const candidatesSetting = "candidates"

// settings are those of this comparison.
func (r *comparison) settings() (settings, error) {
	base, err := fileID(r.base)
	if err != nil {
		return nil, err
	}
	importance, err := fileID(r.c.Path("imatrix"))
	if err != nil {
		return nil, err
	}
	s := settings{
		"command": r.c.Command.Name, "base": filepath.Base(r.base), "weights of the base": base, "--imatrix": importance,
		"--chunks": fmt.Sprint(r.c.Int("chunks")), "--context": fmt.Sprint(r.contexts), "--device": r.c.String("device"), "--eval": fmt.Sprint(r.c.StringSlice("eval")),
		"--file": fmt.Sprint(r.c.StringSlice("file")), "--limit": fmt.Sprint(r.c.Int("limit")), "--no-speed": fmt.Sprint(r.c.Bool("no-speed")),
	}
	for i, data := range r.data {
		s["--text "+r.texts[i]] = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	var names []string
	for _, cand := range r.candidates {
		id, err := r.candidateID(cand)
		if err != nil {
			return nil, err
		}
		names = append(names, cand.name+" "+id)
	}
	s[candidatesSetting] = strings.Join(append(names, r.c.String("types"), r.c.String("layer-type")), ", ")
	return s, nil
}

// id names the settings in the name of a folder.
func (s settings) id() string {
	data, err := json.Marshal(s)
	if err != nil {
		panic("cli: internal error: settings: " + err.Error())
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))[:16]
}

// differences names the settings that another comparison has otherwise.
func (s settings) differences(other settings) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if s[name] != other[name] {
			names = append(names, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(other)) {
		if _, ok := s[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// fileID tells a file from others by what is in it: of a model the weights and settings, of others every byte. Of no file it is
// empty.
func fileID(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	if path, err := modelPath(name); err != nil || !gguf.Is(path) {
		data, readErr := os.ReadFile(name)
		return fmt.Sprintf("%x", sha256.Sum256(data)), errors.Join(err, readErr)
	}
	file, err := openGGUF(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	id, err := engine.Identity(file)
	return fmt.Sprintf("%x", id), err
}

// candidateID names a candidate's files in the folder.
func (r *comparison) candidateID(cand candidate) (string, error) {
	id, err := fileID(cand.path)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(cand.name+id)))[:16], err
}

// prepareWork makes the folder for what is needed on the way, or with --resume finds the one of a comparison that was stopped. What
// a comparison left that was killed is removed by the next one without --resume. A folder that another program works in is left
// to it, and another one is taken.
func (r *comparison) prepareWork() error {
	s, err := r.settings()
	if err != nil {
		return err
	}
	parent := r.c.Path("work")
	if parent == "" {
		parent = os.TempDir()
	}
	name := filepath.Join(parent, workPrefix+r.c.Command.Name+"-"+s.id())
	if r.c.Bool("resume") {
		if err := r.adopt(parent, name, s); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	for n := 1; n <= mostFolders; n++ {
		r.work = numbered(name, n)
		if ok, err := r.takeWork(s); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s-*: %d folders of that name are in use or others': name another parent with --work DIR", name, mostFolders)
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

// takeWork makes the folder and locks it, or reports that another program or user has it.
func (r *comparison) takeWork(s settings) (bool, error) {
	switch err := private.Folder(r.work); {
	case errors.Is(err, private.ErrNotPrivate):
		note(r.c, "%v: not used", err)
		return false, nil
	case err != nil:
		return false, err
	}
	if err := r.outside(); err != nil {
		return false, err
	}
	f, err := os.OpenFile(filepath.Join(r.work, workLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, err
	}
	if ok, err := lock.Try(f); err == nil && !ok {
		return false, f.Close()
	}
	r.lock = f
	if !r.c.Bool("resume") {
		if err := emptyWork(r.work); err != nil {
			return false, err
		}
	}
	return true, r.remember(filepath.Join(r.work, workSettings), s)
}

// outside refuses a folder that holds an input of the command, since all in it is removed.
func (r *comparison) outside() error {
	for _, input := range inputs(r.c) {
		if _, err := os.Stat(input); err == nil && sameFolder(filepath.Dir(input), r.work) {
			return fmt.Errorf("%s lies in %s, the folder for temporary files of this comparison: move it", input, r.work)
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
// gets the name. One of the same base in which more differs is an error.
func (r *comparison) adopt(parent, name string, s settings) error {
	if private.Check(name) == nil {
		return nil
	}
	folders, err := workFolders(parent, r.c.Command.Name)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if f.inUse || f.settings["base"] != s["base"] {
			continue
		}
		switch differ := s.differences(f.settings); {
		case len(differ) == 0, slices.Equal(differ, []string{candidatesSetting}):
			return os.Rename(f.path, freeName(name))
		default:
			err = fmt.Errorf("--resume: %s was begun with other settings: %s", f.path, strings.Join(differ, ", "))
		}
	}
	if err != nil {
		return &hinted{err, "give the same settings to go on, or leave --resume out to begin anew"}
	}
	fmt.Fprintf(r.c.App.ErrWriter, "note: nothing to go on with in %s, beginning anew\n", parent)
	return nil
}

// workFolder is the folder of a comparison that was stopped, or that still runs.
type workFolder struct {
	path     string
	settings settings
	inUse    bool
}

// workFolders finds the user's folders of a command, or of all if it is empty, in another one.
func workFolders(parent, command string) ([]workFolder, error) {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var folders []workFolder
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		if !strings.HasPrefix(e.Name(), workPrefix+command) || private.Check(path) != nil {
			continue
		}
		f := workFolder{path: path}
		data, err := os.ReadFile(filepath.Join(path, workSettings))
		if err != nil || json.Unmarshal(data, &f.settings) != nil {
			continue
		}
		f.inUse = lock.Held(filepath.Join(path, workLock))
		folders = append(folders, f)
	}
	return folders, err
}

// leaveWork lets others have the folder.
func (r *comparison) leaveWork() { _ = r.lock.Close() }

// removeWork removes the folder of a comparison that is done. What was measured is told by now, so a folder that stays behind is no
// failure.
func (r *comparison) removeWork() {
	r.leaveWork()
	if err := os.RemoveAll(r.work); err != nil {
		fmt.Fprintf(r.c.App.ErrWriter, "gosling: warning: notes stay behind: %v\n", err)
	}
}

// stopped tells how a comparison that ended early goes on, if it left anything to go on from.
func (r *comparison) stopped(err error) error {
	if !r.measuredAny() {
		r.removeWork()
		return err
	}
	const advice = "what was measured is kept in %s: the same command with --resume goes on"
	var advised *hinted
	switch {
	case r.c.Err() != nil: // which ends the program without a word
		fmt.Fprintf(r.c.App.ErrWriter, "gosling: "+advice+"\n", r.work)
	case !errors.As(err, &advised):
		err = &hinted{err, fmt.Sprintf(advice, r.work)}
	}
	return err
}

// measuredAny reports whether the folder holds anything to go on from.
func (r *comparison) measuredAny() bool {
	entries, err := os.ReadDir(r.work)
	return err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != workLock && e.Name() != workSettings })
}
