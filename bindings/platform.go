package bindings

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// flavors are the kinds of bundles, best first. A bundle with a GPU backend also has everything a CPU bundle has.
var flavors = []string{"cuda", "vulkan", "metal", "cpu"}

// platform is what finding libraries needs to know about an operating system and processor.
type platform struct {
	example     string // a typical file name of libggml, for messages
	base, ggml  *regexp.Regexp
	backend     func(flavor string) string // returns the file name of a backend
	loaderNames [][2]string                // names of libggml-base and libggml for the system's loader
	systemDirs  []string
	npm         string // how the names of its npm packages begin; empty if there are none
}

// File names have a version and a flavor before the extension or, on Linux, a version after it. The patterns require a dot after
// the stem, so that libggml-base and libggml-cpu-zen4 do not match as libggml.
var (
	linuxBase   = regexp.MustCompile(`^libggml-base(\.[\w.]+)?\.so(\.[0-9.]+)?$`)
	linuxGgml   = regexp.MustCompile(`^libggml(\.[\w.]+)?\.so(\.[0-9.]+)?$`)
	darwinBase  = regexp.MustCompile(`^libggml-base(\.[\w.]+)?\.dylib$`)
	darwinGgml  = regexp.MustCompile(`^libggml(\.[\w.]+)?\.dylib$`)
	windowsBase = regexp.MustCompile(`(?i)^(lib)?ggml-base(\.[\w.]+)?\.dll$`)
	windowsGgml = regexp.MustCompile(`(?i)^(lib)?ggml(\.[\w.]+)?\.dll$`)
)

func platformOf(goos, goarch string) platform {
	var p platform
	switch goos {
	case "darwin":
		p = platform{
			example: "libggml.dylib", base: darwinBase, ggml: darwinGgml,
			backend:    func(flavor string) string { return "libggml-" + flavor + ".so" },
			systemDirs: []string{"/opt/homebrew/lib", "/usr/local/lib"}, // the loader itself would also search the working directory
		}
	case "windows":
		p = platform{
			example: "ggml.dll", base: windowsBase, ggml: windowsGgml,
			backend:     func(flavor string) string { return "ggml-" + flavor + ".dll" },
			loaderNames: [][2]string{{"ggml-base.dll", "ggml.dll"}},
		}
	default:
		p = platform{
			example: "libggml.so", base: linuxBase, ggml: linuxGgml,
			backend:     func(flavor string) string { return "libggml-" + flavor + ".so" },
			loaderNames: [][2]string{{"libggml-base.so", "libggml.so"}, {"libggml-base.so.0", "libggml.so.0"}},
			systemDirs: []string{"/usr/local/lib", "/usr/local/lib64", multiarch[goarch], "/usr/lib64", "/usr/lib",
				"/home/linuxbrew/.linuxbrew/lib"},
		}
	}
	p.systemDirs = slices.DeleteFunc(p.systemDirs, func(dir string) bool { return dir == "" })
	p.npm = Prebuilt(goos, goarch)
	return p
}

// multiarch are Debian's library folders by processor.
var multiarch = map[string]string{
	"amd64":   "/usr/lib/x86_64-linux-gnu",
	"arm64":   "/usr/lib/aarch64-linux-gnu",
	"riscv64": "/usr/lib/riscv64-linux-gnu",
	"ppc64le": "/usr/lib/powerpc64le-linux-gnu",
	"loong64": "/usr/lib/loongarch64-linux-gnu",
	"s390x":   "/usr/lib/s390x-linux-gnu",
}

// Prebuilt returns how the names of the npm packages with libraries for a platform begin, or "" if there are none.
func Prebuilt(goos, goarch string) string { return npmNames[goos+"/"+goarch] }

// npmNames are the platforms of the npm packages with prebuilt libraries.
var npmNames = map[string]string{
	"linux/amd64":   "linux-x64",
	"linux/arm64":   "linux-arm64",
	"darwin/amd64":  "mac-x64",
	"darwin/arm64":  "mac-arm64",
	"windows/amd64": "win-x64",
}

// backendPattern matches the file name of a backend and captures the backend's name.
var backendPattern = regexp.MustCompile(`(?i)^(?:lib)?ggml-([\w.-]+?)\.(?:so|dylib|dll)$`)

// CPUVariants returns the builds of the CPU backend in the bundle, one per processor family: "haswell", "zen4".
func (b Bundle) CPUVariants() []string {
	var variants []string
	for _, name := range fileNames(b.Dir) {
		if variant := CPUVariant(name); variant != "" {
			variants = append(variants, variant)
		}
	}
	return variants
}

// CPUVariant returns "haswell" for "/lib/libggml-cpu-haswell.so". For files without a variant it returns "".
func CPUVariant(file string) string {
	variant, ok := strings.CutPrefix(backendName(filepath.Base(file)), "cpu-")
	if !ok {
		return ""
	}
	return variant
}

// Backends returns the paths of the bundle's backends, with the chosen build of the CPU backend only. If that build is missing,
// the error lists those that exist.
func (b Bundle) Backends(cpuVariant string) ([]string, error) {
	if variants := b.CPUVariants(); !slices.Contains(variants, cpuVariant) {
		return nil, fmt.Errorf("%s: no build %q of the CPU backend: choose one of %s", b.Dir, cpuVariant, strings.Join(variants, ", "))
	}
	var paths []string
	for _, file := range fileNames(b.Dir) {
		name := backendName(file)
		if !isBackend(file) || strings.HasPrefix(name, "cpu") && name != "cpu-"+cpuVariant {
			continue
		}
		paths = append(paths, filepath.Join(b.Dir, file))
	}
	return paths, nil
}

// backendName returns the name of the backend in a file, such as "vulkan" or "cpu-zen4", or "" for other files.
func backendName(file string) string {
	if match := backendPattern.FindStringSubmatch(file); match != nil {
		return strings.ToLower(match[1])
	}
	return ""
}

// BackendDir returns the folder of the bundle's backends: the folder of its libraries, or the other folder in which a system
// keeps them. ggml's own search would also try the working directory, where anyone may have put a library.
func (b Bundle) BackendDir() string {
	if !b.System {
		return b.Dir
	}
	dirs := backendDirs(b.Dir)
	if file, err := filepath.EvalSymlinks(b.Ggml); err == nil { // Homebrew links the libraries, but not the files beside them
		dirs = append(dirs, backendDirs(filepath.Dir(file))...)
	}
	for _, dir := range dirs {
		if slices.ContainsFunc(fileNames(dir), isBackend) {
			return dir
		}
	}
	return b.Dir
}

// backendDirs returns the folders in which distributions and Homebrew keep the backends, given libggml's folder.
func backendDirs(dir string) []string {
	up := filepath.Dir(dir)
	dirs := append([]string{dir, filepath.Join(dir, "ggml")}, glob(filepath.Join(dir, "ggml"), "*")...)
	dirs = append(dirs, filepath.Join(up, "libexec"), filepath.Join(up, "libexec", "ggml"))
	return append(dirs, glob(filepath.Join(filepath.Dir(up), "libexec"), "*/ggml")...)
}

func isBackend(file string) bool {
	name := backendName(file)
	return name != "" && !strings.HasPrefix(name, "base")
}

// bundle returns the libraries in dir, if both are there.
func (p platform) bundle(dir string) (Bundle, bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Bundle{}, false
	}
	names := fileNames(dir)
	base, ggml := pick(names, p.base), pick(names, p.ggml)
	if base == "" || ggml == "" {
		return Bundle{}, false
	}
	b := Bundle{Dir: dir, Base: filepath.Join(dir, base), Ggml: filepath.Join(dir, ggml), Flavor: "cpu"}
	for _, flavor := range flavors[:len(flavors)-1] {
		if slices.Contains(names, p.backend(flavor)) {
			b.Flavor = flavor
			b.Fallback = p.fallback(dir, flavor)
			break
		}
	}
	return b, true
}

// fallback returns the folder with a second build of the backend: below dir, or in the npm package next to dir's whose name ends
// in -ext.
func (p platform) fallback(dir, flavor string) string {
	name := filepath.Base(dir)
	for _, fallback := range []string{
		filepath.Join(dir, "fallback"),
		filepath.Join(dir, "..", "..", "..", name+"-ext", "bins", name, "fallback"),
	} {
		if slices.Contains(fileNames(fallback), p.backend(flavor)) {
			return fallback
		}
	}
	return ""
}

// fileNames lists ggml's files in a folder. It follows links, so that a dangling link does not count as a library.
func fileNames(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if !strings.Contains(strings.ToLower(e.Name()), "ggml") {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && info.Mode().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names
}

// pick returns the shortest matching name, which is the link to the current version if there are links. Among names of the same
// length it returns the last, which has the highest version.
func pick(names []string, pattern *regexp.Regexp) string {
	var best string
	for _, name := range names {
		if pattern.MatchString(name) && (best == "" || len(name) < len(best) || len(name) == len(best) && name > best) {
			best = name
		}
	}
	return best
}

// glob lists the folders under root that match pattern. It matches the pattern element by element, so that root may contain
// special characters.
func glob(root, pattern string) []string {
	dirs := []string{root}
	for element := range strings.SplitSeq(pattern, "/") {
		var next []string
		for _, dir := range dirs {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				path := filepath.Join(dir, e.Name())
				if ok, _ := filepath.Match(element, e.Name()); ok && isDir(path) {
					next = append(next, path)
				}
			}
		}
		dirs = next
	}
	return dirs
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
