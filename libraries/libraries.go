// Package libraries fetches ggml's prebuilt libraries: the npm packages that the lock files in third_party pin, compared with the
// SHA-512 there. It needs neither npm nor a checkout. The libraries are put where bindings looks for them.
//
// Limits: it fetches what is pinned, no other version, and sends no password to the registry.
package libraries

import (
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/lock"
	thirdparty "github.com/gosling-rwkv/gosling/third_party"
)

// names are the names of the bundles, with their lock files.
var names = []struct {
	name string
	lock []byte
}{{"ggml", thirdparty.CPU}, {"ggml-vulkan", thirdparty.Vulkan}, {"ggml-cuda", thirdparty.CUDA}}

// Names lists the names of the bundles: "ggml" for the CPU (with Metal on Apple silicon), "ggml-vulkan" and "ggml-cuda".
func Names() []string {
	var all []string
	for _, n := range names {
		all = append(all, n.name)
	}
	return all
}

// askNPM returns the address of the registry that npm takes, or "" if npm does not tell.
var askNPM = func() string {
	out, err := exec.Command("npm", "config", "get", "registry").Output()
	if address := strings.TrimSpace(string(out)); err == nil && strings.HasPrefix(address, "http") {
		return address
	}
	return ""
}

// Registry returns the address of the registry that npm's variable npm_config_registry or its file .npmrc names, or that npm takes if it is
// installed. Otherwise it returns "". getenv is os.Getenv.
func Registry(getenv func(string) string) string {
	for _, name := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
		if text := getenv(name); text != "" {
			return strings.TrimRight(text, "/")
		}
	}
	file := cmp.Or(getenv("npm_config_userconfig"), getenv("NPM_CONFIG_USERCONFIG"))
	if home, err := os.UserHomeDir(); file == "" && err == nil {
		file = filepath.Join(home, ".npmrc")
	}
	text, _ := infile.Limit{Bytes: 1 << 20, What: "npm's configuration"}.File(file) // a file that cannot be read says nothing
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, "="); ok && strings.TrimSpace(key) == "registry" {
			return strings.TrimRight(strings.Trim(strings.TrimSpace(value), `"'`), "/")
		}
	}
	return strings.TrimRight(askNPM(), "/")
}

// Options say what Fetch fetches, and where from. Registry and Dir must be set. An empty Registry is an error.
type Options struct {
	Registry     string // address
	Dir          string // folder for the libraries: gosling/ggml in the user's data home
	GOOS, GOARCH string // empty is this platform

	Progress func(done, total int64) // bytes of a package; nil is not called
	Waiting  func()                  // called if another program fetches libraries, and Fetch waits for it
}

// Package is a fetched npm package.
type Package struct {
	Name, Version string
	Dir           string // with its files
	Fetched       bool   // it was not there before
}

// pinned is a package of a lock file.
type pinned struct {
	name, version string
	sum           []byte // SHA-512
}

// scope begins the names of the packages.
const scope = "@node-llama-cpp/"

// packages lists the packages of a lock file for a platform.
func packages(lock []byte, prefix string) ([]pinned, error) {
	var file struct {
		Packages map[string]struct{ Version, Integrity string }
	}
	if err := json.Unmarshal(lock, &file); err != nil {
		return nil, err
	}
	var all []pinned
	for path, p := range file.Packages {
		name, ok := strings.CutPrefix(path, "node_modules/"+scope)
		if !ok || prefix == "" || name != prefix && !strings.HasPrefix(name, prefix+"-") {
			continue
		}
		encoded, ok := strings.CutPrefix(p.Integrity, "sha512-")
		sum, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(sum) != sha512.Size {
			return nil, fmt.Errorf("package %s: the lock file has no SHA-512", name)
		}
		all = append(all, pinned{name, p.Version, sum})
	}
	slices.SortFunc(all, func(a, b pinned) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// Fetch fetches the packages of a bundle that are not there yet. A package appears when it is complete. If there is an error, nothing
// is left of it.
func Fetch(ctx context.Context, bundle string, o Options) (done []Package, err error) {
	goos, goarch := cmp.Or(o.GOOS, runtime.GOOS), cmp.Or(o.GOARCH, runtime.GOARCH)
	i := slices.Index(Names(), bundle)
	if i < 0 {
		return nil, fmt.Errorf("no libraries %q: want one of %s", bundle, strings.Join(Names(), ", "))
	}
	if o.Registry == "" {
		return nil, fmt.Errorf("%s: the address of npm's registry is not known: set the variable npm_config_registry to it, or install npm", bundle)
	}
	all, err := packages(names[i].lock, bindings.Prebuilt(goos, goarch))
	if err != nil {
		return nil, fmt.Errorf("libraries: internal error: %w", err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there are no prebuilt libraries for %s/%s: take others, or build them with \"make ggml-source\" in the project's folder", bundle, goos, goarch)
	}
	return o.all(ctx, all)
}

// all fetches packages, one after the other.
func (o Options) all(ctx context.Context, all []pinned) (done []Package, err error) {
	held, err := lock.Wait(ctx, filepath.Join(o.Dir, ".lock"), o.Waiting)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, held.Remove())
		for _, dir := range []string{o.modules(), filepath.Dir(o.modules()), o.Dir} {
			_ = os.Remove(dir) // only if nothing is in it
		}
	}()
	for _, p := range all {
		one, err := o.fetch(ctx, p)
		if err != nil {
			return done, fmt.Errorf("%s%s: %w", scope, p.name, err)
		}
		done = append(done, one)
	}
	return done, nil
}

// modules is the folder in which bindings looks for packages.
func (o Options) modules() string {
	return filepath.Join(o.Dir, "node_modules", strings.TrimSuffix(scope, "/"))
}

// fetch fetches one package unless it is there.
func (o Options) fetch(ctx context.Context, p pinned) (Package, error) {
	done := Package{Name: scope + p.name, Version: p.version, Dir: filepath.Join(o.modules(), p.name)}
	if versionIn(done.Dir) == p.version {
		return done, nil
	}
	if err := os.MkdirAll(o.modules(), 0o755); err != nil {
		return done, err
	}
	work, err := os.MkdirTemp(o.Dir, ".new-")
	if err != nil {
		return done, err
	}
	defer os.RemoveAll(work)
	archive := filepath.Join(work, "package.tgz")
	if err := o.download(ctx, p, archive); err != nil {
		return done, err
	}
	if err := unpack(ctx, archive, filepath.Join(work, "package")); err != nil {
		return done, err
	}
	if got := versionIn(filepath.Join(work, "package")); got != p.version {
		return done, fmt.Errorf("holds version %q, want %s", got, p.version)
	}
	if err := os.Rename(done.Dir, filepath.Join(work, "old")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return done, err
	}
	done.Fetched = true
	return done, os.Rename(filepath.Join(work, "package"), done.Dir)
}

// versionIn returns the version of the package in a folder, or "".
func versionIn(dir string) string {
	text, err := infile.Limit{Bytes: 1 << 20, What: "a package.json"}.File(filepath.Join(dir, "package.json"))
	var about struct{ Version string }
	if err != nil || json.Unmarshal(text, &about) != nil {
		return ""
	}
	return about.Version
}

// largest bounds an archive.
const largest = 2 << 30

// patience is how long a download may bring nothing.
const patience = time.Minute

// tries is how often a download is tried.
const tries = 3

// download writes a package's archive to a file and compares it with the lock file's checksum.
func (o Options) download(ctx context.Context, p pinned, path string) error {
	for try := 1; ; try++ {
		err := o.get(ctx, p, path)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var again *brokenError
		if err == nil || !errors.As(err, &again) || try == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * time.Second / 2):
		}
	}
}

// brokenError is an error that another try may not meet.
type brokenError struct{ error }

func (e *brokenError) Unwrap() error { return e.error }

func (o Options) get(ctx context.Context, p pinned, path string) error {
	address := fmt.Sprintf("%s/%s%s/-/%s-%s.tgz", o.Registry, scope, p.name, p.name, p.version)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stalled := time.AfterFunc(patience, stop)
	defer stalled.Stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("the registry's address: %w: correct npm_config_registry", err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return &brokenError{err}
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s answers %s", r.URL.Redacted(), answer.Status)
		if answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests {
			return &brokenError{err}
		}
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	sum := sha512.New()
	w := &counter{w: io.MultiWriter(out, sum), total: answer.ContentLength, progress: func(done, total int64) {
		stalled.Reset(patience)
		if o.Progress != nil {
			o.Progress(done, total)
		}
	}}
	if n, err := io.Copy(w, io.LimitReader(answer.Body, largest+1)); err != nil {
		if w.failed {
			return err
		}
		return &brokenError{fmt.Errorf("%s: the connection broke after %d bytes: %w", r.URL.Host, n, err)}
	} else if n > largest {
		return fmt.Errorf("%s sends more than %d bytes", r.URL.Host, int64(largest))
	}
	if got := sum.Sum(nil); !slices.Equal(got, p.sum) {
		return fmt.Errorf("%s sent another file than the pinned one: its SHA-512 is %s, want %s: try again, or another registry",
			r.URL.Host, base64.StdEncoding.EncodeToString(got), base64.StdEncoding.EncodeToString(p.sum))
	}
	return out.Close()
}

// counter reports the bytes that pass.
type counter struct {
	w           io.Writer
	done, total int64
	progress    func(done, total int64)
	failed      bool // to write
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.failed = err != nil
	c.done += int64(n)
	c.progress(c.done, max(c.total, c.done))
	return n, err
}
