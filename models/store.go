package models

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/lock"
	"github.com/gosling-rwkv/gosling/quant"
)

// Store is the folder that keeps models.
type Store struct{ Dir string }

// StoreAt returns the store that the variables GOSLING_MODELS and XDG_DATA_HOME name. getenv is os.Getenv.
func StoreAt(getenv func(string) string) (Store, error) {
	if dir := getenv("GOSLING_MODELS"); dir != "" {
		return Store{dir}, nil
	}
	data, err := DataHome(getenv)
	if err != nil {
		return Store{}, fmt.Errorf("no folder for models: %w: name one with GOSLING_MODELS", err)
	}
	return Store{filepath.Join(data, "models")}, nil
}

// DataHome returns the folder of the program's data: gosling in XDG_DATA_HOME, or in ~/.local/share.
func DataHome(getenv func(string) string) (string, error) {
	data := getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		data = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(data, "gosling"), nil
}

// Entry is a model in the store.
type Entry struct {
	Names   []string  `json:"names"`
	Type    string    `json:"type"`
	Files   []Part    `json:"files"` // more than one for a split model
	Source  *Source   `json:"source,omitempty"`
	Pulled  time.Time `json:"pulled,omitzero"`
	Program string    `json:"program,omitempty"` // that wrote the entry, with its version

	Path string `json:"path,omitempty"` // of the first file; not in the record, because folders move
	Size int64  `json:"size"`

	id string
}

// Part is a file of a model in the store.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
}

// Source is where a model comes from.
type Source struct {
	Hub        string     `json:"hub"` // "hf.co" or "modelscope.cn"
	Repository string     `json:"repository"`
	Revision   string     `json:"revision,omitempty"` // the commit
	Files      []hub.File `json:"files"`
}

// MissingError is the error of a name that no model in the store has.
type MissingError struct {
	Name Name
	Dir  string
}

func (e *MissingError) Error() string {
	if e.Released() {
		return fmt.Sprintf("%s is not here yet", e.Name)
	}
	return fmt.Sprintf("%s: no file and no model of that name", e.Name)
}

// Released reports whether the model can be downloaded.
func (e *MissingError) Released() bool { return e.Name.place != nil }

// recordLimit bounds the record of a model.
var recordLimit = infile.Limit{Bytes: 4 << 20, What: "the record of a model"}

// List lists the models, by name. A record that cannot be used is left out; Check says why.
func (s Store) List() ([]Entry, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Entry
	recorded := map[string]bool{}
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			if m, err := s.read(id); err == nil {
				all = append(all, m)
				for _, f := range m.Files {
					recorded[f.Name] = true
				}
			}
		}
	}
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), ".gguf")
		if m := partOf.FindStringSubmatch(stem); !ok || recorded[e.Name()] || m != nil && m[1] != "00001" {
			continue
		}
		if m, err := s.plain(e.Name(), partOf.ReplaceAllString(stem, "")); err == nil {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Names[0], b.Names[0]), b.Pulled.Compare(a.Pulled), strings.Compare(a.id, b.id))
	})
	return all, err
}

// read reads the record of a model and checks that its files are there.
func (s Store) read(id string) (Entry, error) {
	path := filepath.Join(s.Dir, id+".json")
	data, err := recordLimit.File(path)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{id: id}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("%s: %w", path, err)
	}
	if len(e.Names) == 0 || len(e.Files) == 0 {
		return e, fmt.Errorf("%s: names no model", path)
	}
	e.Size = 0
	for _, f := range e.Files {
		if filepath.Base(f.Name) != f.Name || filepath.Ext(f.Name) != ".gguf" {
			return e, fmt.Errorf("%s: %q is not the name of a model's file", path, f.Name)
		}
		info, err := os.Stat(filepath.Join(s.Dir, f.Name))
		switch {
		case err != nil:
			return e, err
		case info.Size() != f.Size:
			return e, fmt.Errorf("%s: has %d bytes, and had %d when it was pulled", filepath.Join(s.Dir, f.Name), info.Size(), f.Size)
		}
		e.Size += f.Size
	}
	e.Path = filepath.Join(s.Dir, e.Files[0].Name)
	return e, nil
}

// plain describes a file without a record, which the user put into the store.
func (s Store) plain(file, name string) (Entry, error) {
	e := Entry{Names: []string{name}, Path: filepath.Join(s.Dir, file), id: name}
	f, err := gguf.Open(e.Path)
	if err != nil {
		return e, err
	}
	defer f.Close()
	e.Type, e.Size = cmp.Or(typeIn(file), typeOf(f)), f.Size()
	for _, path := range f.Paths() {
		info, err := os.Stat(path)
		if err != nil {
			return e, err
		}
		e.Files = append(e.Files, Part{Name: filepath.Base(path), Size: info.Size()})
	}
	return e, nil
}

// typeOf returns the type that a GGUF file's metadata say.
func typeOf(f *gguf.File) string {
	number, ok := f.Uint("general.file_type")
	for _, m := range quant.Mixes() {
		if ok && uint64(m.FileType) == number {
			return m.Name
		}
	}
	return "GGUF"
}

// Label returns the name by which an entry is found among all of a store: the first of its names, with the type if it needs one.
func (e Entry) Label(all []Entry) string { return e.label(e.Names[0], all) }

func (e Entry) label(name string, all []Entry) string {
	for _, other := range all {
		if other.id != e.id && other.has(name) {
			return name + ":" + e.Type
		}
	}
	return name
}

func (e Entry) has(name string) bool {
	return slices.ContainsFunc(e.Names, func(own string) bool { return same(own, name) })
}

// Names lists all names in the store, with types where they are needed.
func (s Store) Names() []string {
	all, _ := s.List() // a store that cannot be read has none
	var names []string
	for _, e := range all {
		for _, name := range e.Names {
			names = append(names, e.label(name, all))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// found lists the entries of a name.
func (s Store) found(n Name) ([]Entry, error) {
	all, err := s.List()
	return slices.DeleteFunc(all, func(e Entry) bool { return !e.has(n.Base) || n.Type != "" && e.Type != n.Type }), err
}

// Find returns the model of a name. Of several types it prefers Q4_K_M, then the one that was pulled last. If there is none, the
// error is a *MissingError.
func (s Store) Find(text string) (Entry, error) {
	n, err := Parse(text)
	if err != nil {
		return Entry{}, err
	}
	found, err := s.found(n)
	if err != nil {
		return Entry{}, err
	}
	if len(found) == 0 {
		return Entry{}, &MissingError{n, s.Dir}
	}
	return slices.MaxFunc(found, func(a, b Entry) int {
		if (a.Type == DefaultType) != (b.Type == DefaultType) {
			return map[bool]int{true: 1, false: -1}[a.Type == DefaultType]
		}
		return a.Pulled.Compare(b.Pulled)
	}), nil
}

// only returns the model of a name, which must have one type only.
func (s Store) only(text string) (Entry, Name, error) {
	n, err := Parse(text)
	if err != nil {
		return Entry{}, n, err
	}
	switch found, err := s.found(n); {
	case err != nil:
		return Entry{}, n, err
	case len(found) == 0:
		return Entry{}, n, &MissingError{n, s.Dir}
	case len(found) > 1:
		var types []string
		for _, e := range found {
			types = append(types, n.Base+":"+e.Type)
		}
		return Entry{}, n, fmt.Errorf("%s has several types, name one: %s", n.Base, strings.Join(types, ", "))
	default:
		return found[0], n, nil
	}
}

// names takes the lock of all names in the store.
func (s Store) names(ctx context.Context) (*lock.File, error) {
	return lock.Wait(ctx, s.lockPath("names"), nil)
}

func (s Store) lockPath(id string) string { return filepath.Join(s.Dir, ".locks", id+".lock") }

// free gives a lock back and removes what is not needed any more.
func (s Store) free(l *lock.File) error {
	err := l.Remove()
	_ = os.Remove(filepath.Join(s.Dir, ".locks")) // not if there are other locks
	return err
}

// write writes the record of a model.
func (s Store) write(e Entry) error {
	f, err := atomicfile.Create(filepath.Join(s.Dir, e.id+".json"), atomicfile.Options{Force: true})
	if err != nil {
		return err
	}
	defer f.Close()
	e.Path = ""
	if err := jsontext.Write(f, e); err != nil {
		return err
	}
	return f.Commit()
}

// reserved are names that commands take for something else: the built-in model, and ggml's libraries.
var reserved = []string{"demo", "ggml", "ggml-vulkan", "ggml-cuda"}

// ErrTaken is wrapped by the error of a new name that a model has already.
var ErrTaken = errors.New("there is a model of that name")

// Copy gives a model another name. It copies no weights.
func (s Store) Copy(ctx context.Context, from, to string) (err error) {
	if slices.Contains(reserved, strings.ToLower(to)) {
		return fmt.Errorf("%q stands for something else: choose another name", to)
	}
	if !own.MatchString(to) {
		return fmt.Errorf("%q cannot be the name of a model: want letters, digits, dots, dashes and underscores", to)
	}
	held, err := s.names(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.free(held)) }()
	e, _, err := s.only(from)
	if err != nil {
		return err
	}
	if taken, err := s.found(Name{Base: to}); err != nil || len(taken) > 0 {
		return cmp.Or(err, fmt.Errorf("%s: %w", to, ErrTaken))
	}
	e.Names = append(e.Names, to)
	return s.write(e)
}

// Remove removes a name. If it was the model's last one, Remove removes the files, and returns the bytes that this freed.
func (s Store) Remove(ctx context.Context, text string) (freed int64, err error) {
	held, err := s.names(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.free(held)) }()
	e, n, err := s.only(text)
	if err != nil {
		return 0, err
	}
	return s.unname(e, n.Base)
}

// unname removes a name of a model, and the model if it has no other.
func (s Store) unname(e Entry, name string) (freed int64, err error) {
	e.Names = slices.DeleteFunc(e.Names, func(own string) bool { return same(own, name) })
	if len(e.Names) > 0 {
		return 0, s.write(e)
	}
	if err := os.Remove(filepath.Join(s.Dir, e.id+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	for _, f := range e.Files {
		if err := os.Remove(filepath.Join(s.Dir, f.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return freed, err
		}
		freed += f.Size
	}
	return freed, nil
}

// Problem is something wrong in the store.
type Problem struct {
	Path string
	Text string
	Left bool // left by a program that was stopped, and may be removed
}

// Check looks for records without files, files that have changed or cannot be read, and what stopped programs left.
func (s Store) Check() (models int, problems []Problem, err error) {
	all, err := s.List()
	if err != nil {
		return 0, nil, err
	}
	for _, e := range all {
		f, err := gguf.Open(e.Path)
		if err != nil {
			problems = append(problems, Problem{e.Path, err.Error(), false})
			continue
		}
		f.Close()
	}
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, e := range entries {
		path := filepath.Join(s.Dir, e.Name())
		switch stem, ext := ending(e.Name()); {
		case ext == ".json":
			if _, err := s.read(stem); err != nil {
				problems = append(problems, Problem{path, err.Error(), false})
			}
		case ext == ".gguf" && !slices.ContainsFunc(all, func(m Entry) bool {
			return slices.ContainsFunc(m.Files, func(f Part) bool { return f.Name == e.Name() })
		}):
			if f, err := gguf.Open(path); err != nil && partOf.MatchString(stem) {
				problems = append(problems, Problem{path, "a part without the others, left by a program that was stopped", true})
			} else if err != nil {
				problems = append(problems, Problem{path, err.Error(), false})
			} else {
				f.Close()
			}
		case strings.HasPrefix(e.Name(), workPrefix) && !lock.Held(s.lockPath(strings.TrimPrefix(e.Name(), workPrefix))),
			strings.Contains(e.Name(), ".partial-") && !lock.Held(path):
			problems = append(problems, Problem{path, "left by a program that was stopped", true})
		}
	}
	return len(all), problems, err
}
