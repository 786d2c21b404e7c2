package bindings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// ErrNotFound is wrapped by Find's error if no place holds ggml's libraries.
var ErrNotFound = errors.New("no ggml library found")

// Bundle is a set of ggml libraries that were built together.
type Bundle struct {
	Dir  string // folder of the libraries and backends; empty if only the system's loader knows it
	Base string // libggml-base, which must be opened first: a path, or a name for the system's loader
	Ggml string // libggml, likewise

	// Flavor is the best backend of the bundle: "cuda", "vulkan", "metal" or "cpu".
	Flavor string
	// Fallback is a folder with a second build of the GPU backend for older drivers. It is used if the first build finds no
	// device. It is empty if there is no second build.
	Fallback string
	// System tells that the bundle belongs to the distribution or Homebrew. Its backends may be in another folder: see
	// BackendDir.
	System bool
}

// FindOptions says where Find looks. It skips places whose field is empty.
type FindOptions struct {
	Dir        string   // a folder named by the user; if set, the only place
	ExeDir     string   // the folder of the executable, symbolic links resolved
	DataHome   string   // the value of XDG_DATA_HOME, or ~/.local/share
	SystemDirs []string // nil means the platform's usual folders

	// Flavor is the preferred backend: "cuda", "vulkan", "metal" or "cpu". If it is empty or missing in a place with several
	// bundles, the first one in this order is used.
	Flavor string
	// GOOS and GOARCH are the target platform. The default is this one.
	GOOS, GOARCH string
	// Loads reports whether the system's loader finds a library by name, and its path. nil asks the loader.
	Loads func(name string) (path string, ok bool)
}

// Find returns the first bundle of ggml libraries. It looks in the folder o.Dir, beside the executable, in its third_party
// folder, in gosling/ggml in o.DataHome, in the system's folders, and asks the system's loader. If o.Dir is set, it looks nowhere
// else.
//
// Libraries are code that runs as the user, so no place depends on the working directory, which may belong to anyone. Find
// therefore ignores o.ExeDir and o.DataHome unless they are absolute.
//
// If o.Dir holds no libraries, the error is a FolderError. If no place does, the error wraps ErrNotFound and lists the places.
func Find(o FindOptions) (Bundle, error) {
	s := newSearch(o)
	if o.Dir != "" {
		b, ok := s.tree(o.Dir)
		if !ok {
			return Bundle{}, s.badDir(o.Dir)
		}
		return b, nil
	}
	for _, place := range []func() (Bundle, bool){s.besideExecutable, s.thirdParty, s.dataHome, s.systemDirs, s.loader} {
		if b, ok := place(); ok {
			return b, nil
		}
	}
	return Bundle{}, s.notFound()
}

// search is one run of Find, with completed options and the places tried so far.
type search struct {
	FindOptions
	platform platform
	tried    []string
}

func newSearch(o FindOptions) *search {
	host := o.GOOS == "" && o.GOARCH == ""
	if o.GOOS == "" {
		o.GOOS = runtime.GOOS
	}
	if o.GOARCH == "" {
		o.GOARCH = runtime.GOARCH
	}
	p := platformOf(o.GOOS, o.GOARCH)
	if o.SystemDirs == nil {
		o.SystemDirs = p.systemDirs
	}
	if o.Loads == nil {
		o.Loads = func(name string) (string, bool) {
			if !host {
				return "", false
			}
			return loads(name)
		}
	}
	return &search{FindOptions: o, platform: p}
}

func loads(name string) (path string, ok bool) {
	handle, err := openLibrary(name) // left open, like the libraries of Open: this one will be used
	if err != nil {
		return "", false
	}
	return fileOf(handle, "ggml_backend_load_all_from_path"), true
}

func (s *search) besideExecutable() (Bundle, bool) {
	if !filepath.IsAbs(s.ExeDir) {
		return Bundle{}, false
	}
	return s.best(filepath.Join(s.ExeDir, "lib"), s.ExeDir, filepath.Join(s.ExeDir, "..", "lib", "gosling"))
}

// thirdParty looks where "make ggml" installs the libraries, for a program built in the project's folder.
func (s *search) thirdParty() (Bundle, bool) {
	if !filepath.IsAbs(s.ExeDir) {
		return Bundle{}, false
	}
	return s.tree(filepath.Join(s.ExeDir, "third_party"))
}

func (s *search) dataHome() (Bundle, bool) {
	if !filepath.IsAbs(s.DataHome) {
		return Bundle{}, false
	}
	return s.tree(filepath.Join(s.DataHome, "gosling", "ggml"))
}

func (s *search) systemDirs() (Bundle, bool) {
	for _, dir := range s.SystemDirs {
		if b, ok := s.best(dir); ok {
			b.System = true
			return b, true
		}
	}
	return Bundle{}, false
}

// loader asks the system's loader for the names that distributions give the libraries.
func (s *search) loader() (Bundle, bool) {
	for _, names := range s.platform.loaderNames {
		s.tried = append(s.tried, names[1]+" (system's loader)")
		if _, ok := s.Loads(names[0]); !ok {
			continue
		}
		path, ok := s.Loads(names[1])
		if !ok {
			continue
		}
		b := Bundle{Base: names[0], Ggml: names[1], Flavor: "cpu", System: true}
		if filepath.IsAbs(path) {
			b.Dir = filepath.Dir(path)
		}
		return b, true
	}
	return Bundle{}, false
}

// tree looks in a folder of libraries, or in one with the layout of third_party: lib* folders with libraries built there, and npm
// packages in its own node_modules or in that of a subfolder.
func (s *search) tree(root string) (Bundle, bool) {
	dirs := append([]string{root}, glob(root, "lib*")...)
	if s.platform.npm != "" {
		packages := "node_modules/@node-llama-cpp/" + s.platform.npm + "*/bins/*"
		dirs = append(dirs, glob(root, packages)...)
		dirs = append(dirs, glob(root, "*/"+packages)...)
	}
	return s.best(dirs...)
}

// best returns the bundle in dirs with the preferred flavor, or else with the best flavor. Among equals the first one wins.
func (s *search) best(dirs ...string) (Bundle, bool) {
	var best Bundle
	for _, dir := range dirs {
		s.tried = append(s.tried, filepath.Clean(dir))
		b, ok := s.platform.bundle(dir)
		if ok && (best.Ggml == "" || s.rank(b.Flavor) < s.rank(best.Flavor)) {
			best = b
		}
	}
	return best, best.Ggml != ""
}

func (s *search) rank(flavor string) int {
	if flavor == s.Flavor {
		return -1
	}
	return slices.Index(flavors, flavor)
}

func (s *search) badDir(dir string) error {
	_, err := os.Stat(dir)
	if err == nil {
		err = fmt.Errorf("the folder %s holds no ggml libraries for %s/%s", dir, s.GOOS, s.GOARCH)
	}
	return &FolderError{fmt.Errorf("%w: name the folder that holds %s", err, s.platform.example)}
}

// FolderError is the error of a named folder that holds no libraries.
type FolderError struct{ error }

func (e *FolderError) Unwrap() error { return e.error }

func (s *search) notFound() error {
	return fmt.Errorf("%w for %s/%s, looked for %s in\n  %s\nput it into one of these folders, or name its folder",
		ErrNotFound, s.GOOS, s.GOARCH, s.platform.example, strings.Join(s.tried, "\n  "))
}
