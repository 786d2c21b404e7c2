package libraries

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/bindings"
)

// archive returns a package as npm makes it.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}))
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "package/bins/link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}))
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func good(t *testing.T, version string) []byte {
	return archive(t, map[string]string{
		"package/package.json": fmt.Sprintf(`{"version": %q}`, version), "package/LICENSE": "free", "package/dist/index.js": "run me",
		"package/bins/linux-x64/libggml.so": "ggml", "package/bins/linux-x64/libggml-base.so": "base", "package/bins/linux-x64/libllama.so": "llama",
	})
}

// registryOf serves archives by path, and counts what is asked.
type registryOf struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string
	handler func(w http.ResponseWriter, r *http.Request)
}

func serve(t *testing.T, handler func(w http.ResponseWriter, r *http.Request)) *registryOf {
	s := &registryOf{handler: handler}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		s.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func pin(data []byte, version string) []pinned {
	sum := sha512.Sum512(data)
	return []pinned{{"linux-x64", version, sum[:]}}
}

func TestAPackageIsPutWhereTheLibrariesAreLookedFor(t *testing.T) {
	data := good(t, "1.2.3")
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(data) })
	home := t.TempDir()
	o := Options{Registry: s.URL, Dir: filepath.Join(home, "gosling", "ggml")}
	done, err := o.all(t.Context(), pin(data, "1.2.3"))
	require.NoError(t, err)
	assert.Equal(t, []string{"/@node-llama-cpp/linux-x64/-/linux-x64-1.2.3.tgz"}, s.asked)
	require.Len(t, done, 1)
	assert.True(t, done[0].Fetched)
	b, err := bindings.Find(bindings.FindOptions{DataHome: home, GOOS: "linux", GOARCH: "amd64", SystemDirs: []string{}})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(done[0].Dir, "bins", "linux-x64"), b.Dir)
	assert.NoFileExists(t, filepath.Join(b.Dir, "libllama.so"))
	assert.NoDirExists(t, filepath.Join(done[0].Dir, "dist"))
	assert.FileExists(t, filepath.Join(done[0].Dir, "LICENSE"))
	_, err = os.Lstat(filepath.Join(done[0].Dir, "bins", "link"))
	require.ErrorIs(t, err, os.ErrNotExist)

	done, err = o.all(t.Context(), pin(data, "1.2.3"))
	require.NoError(t, err)
	assert.False(t, done[0].Fetched)
	assert.Len(t, s.asked, 1, "it is there already")

	newer := good(t, "1.3.0")
	s.handler, data = nil, newer
	done, err = o.all(t.Context(), pin(newer, "1.3.0"))
	require.NoError(t, err)
	assert.True(t, done[0].Fetched)
	assert.Equal(t, "1.3.0", versionIn(done[0].Dir))
	entries, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "only node_modules")
}

func TestWhatGoesWrongLeavesNothing(t *testing.T) {
	data := good(t, "1.2.3")
	other := archive(t, map[string]string{"package/package.json": `{"version": "1.2.3"}`})
	for name, tc := range map[string]struct {
		handler func(w http.ResponseWriter, r *http.Request)
		pinned  []pinned
		want    string
	}{
		"another file":        {func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(other) }, pin(data, "1.2.3"), "its SHA-512 is"},
		"no such file":        {http.NotFound, pin(data, "1.2.3"), "404"},
		"a server that fails": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) }, pin(data, "1.2.3"), "502"},
		"a cut connection": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:100])
		}, pin(data, "1.2.3"), "the connection broke after 100 bytes"},
		"no archive":      {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "goose") }, pin([]byte("goose"), "1.2.3"), "the archive: "},
		"another version": {func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(data) }, pin(data, "1.2.4"), `holds version "1.2.3", want 1.2.4`},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tc.handler)
			dir := filepath.Join(t.TempDir(), "ggml")
			_, err := Options{Registry: s.URL, Dir: dir}.all(t.Context(), tc.pinned)
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, "@node-llama-cpp/linux-x64")
			assert.NoDirExists(t, dir)
		})
	}
	_, err := Options{Registry: "http://127.0.0.1:1", Dir: t.TempDir()}.all(t.Context(), pin(data, "1"))
	require.ErrorContains(t, err, "connection refused")
	ctx, stop := context.WithCancel(t.Context())
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	})
	_, err = Options{Registry: s.URL, Dir: t.TempDir()}.all(ctx, pin(data, "1"))
	require.ErrorIs(t, err, context.Canceled)
}

func TestAServerThatFailsOnceIsAskedAgain(t *testing.T) {
	data := good(t, "1.2.3")
	fails := 2
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if fails--; fails >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(data)
	})
	begin := time.Now()
	_, err := Options{Registry: s.URL, Dir: t.TempDir()}.all(t.Context(), pin(data, "1.2.3"))
	require.NoError(t, err)
	assert.Less(t, time.Since(begin), time.Minute)
}

func TestNothingIsWrittenOutsideOfTheFolder(t *testing.T) {
	for _, name := range []string{"package/bins/../../../goose", "package/bins/../../goose", "/bins/goose", "../bins/goose"} {
		data := archive(t, map[string]string{"package/package.json": `{"version": "1"}`, name: "goose"})
		top := t.TempDir()
		dir := filepath.Join(top, "x", "y")
		require.NoError(t, os.MkdirAll(dir, 0o755))
		path := filepath.Join(dir, "a.tgz")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		_ = unpack(t.Context(), path, filepath.Join(dir, "in")) // an error, or a harmless name
		var found []string
		_ = filepath.WalkDir(top, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.Name() == "goose" {
				found = append(found, path)
			}
			return nil
		})
		for _, path := range found {
			assert.True(t, strings.HasPrefix(path, filepath.Join(dir, "in")+string(filepath.Separator)), "%s became %s", name, path)
		}
	}
}

func TestTheLockFilesPinLibrariesForEveryPlatform(t *testing.T) {
	for _, tc := range []struct {
		bundle, goos, goarch string
		want                 []string
	}{
		{"ggml", "linux", "amd64", []string{"linux-x64"}},
		{"ggml", "linux", "arm64", []string{"linux-arm64"}},
		{"ggml", "darwin", "arm64", []string{"mac-arm64-metal"}},
		{"ggml", "darwin", "amd64", []string{"mac-x64"}},
		{"ggml", "windows", "amd64", []string{"win-x64"}},
		{"ggml-vulkan", "linux", "amd64", []string{"linux-x64-vulkan"}},
		{"ggml-cuda", "windows", "amd64", []string{"win-x64-cuda", "win-x64-cuda-ext"}},
		{"ggml-vulkan", "darwin", "arm64", nil},
		{"ggml", "linux", "s390x", nil},
	} {
		for _, n := range names {
			if n.name != tc.bundle {
				continue
			}
			all, err := packages(n.lock, bindings.Prebuilt(tc.goos, tc.goarch))
			require.NoError(t, err)
			var got []string
			for _, p := range all {
				got = append(got, p.name)
				assert.Len(t, p.sum, sha512.Size)
				assert.NotEmpty(t, p.version)
			}
			assert.Equal(t, tc.want, got, tc)
		}
	}
	_, err := Fetch(t.Context(), "ggml", Options{Dir: t.TempDir()})
	require.ErrorContains(t, err, "set the variable npm_config_registry")
	_, err = Fetch(t.Context(), "ggml-vulkan", Options{Registry: "http://127.0.0.1:1", Dir: t.TempDir(), GOOS: "darwin", GOARCH: "arm64"})
	require.ErrorContains(t, err, "ggml-vulkan: there are no prebuilt libraries for darwin/arm64")
	_, err = Fetch(t.Context(), "ggml-goose", Options{Dir: t.TempDir()})
	require.ErrorContains(t, err, "want one of ggml, ggml-vulkan, ggml-cuda")
}

func TestTheRegistryIsTheOneThatNpmWouldAsk(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	defer func(f func() string) { askNPM = f }(askNPM)
	askNPM = func() string { return "https://npm.example/" }
	file := filepath.Join(t.TempDir(), "npmrc")
	require.NoError(t, os.WriteFile(file, []byte("fund=false\nregistry = \"https://mirror.example/npm/\"\n"), 0o600))
	for want, env := range map[string]map[string]string{
		"https://npm.example":         {},
		"https://mirror.example":      {"npm_config_registry": "https://mirror.example/"},
		"https://other.example/a":     {"NPM_CONFIG_REGISTRY": "https://other.example/a", "npm_config_userconfig": file},
		"https://mirror.example/npm":  {"NPM_CONFIG_USERCONFIG": file},
		"https://mirror.example/npm2": {"npm_config_registry": "https://mirror.example/npm2", "NPM_CONFIG_REGISTRY": "x"},
	} {
		assert.Equal(t, want, Registry(func(name string) string { return env[name] }))
	}
}
