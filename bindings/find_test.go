package bindings

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The files of bundles as they are published or built. They include names that Find must not take for libggml.
var (
	linuxNPM    = []string{"libggml-base.so", "libggml-cpu-zen4.so", "libggml.v0.5.0.so", "libllama.v0.5.0.so"}
	vulkanNPM   = []string{"libggml-base.so", "libggml-cpu-zen4.so", "libggml-vulkan.so", "libggml.vulkan.v0.5.0.so"}
	cudaNPM     = []string{"libggml-base.so", "libggml-cpu-zen4.so", "libggml-cuda.so", "libggml.cuda.v0.5.0.so"}
	linuxBuilt  = []string{"libggml-base.so", "libggml-base.so.0", "libggml-cpu.so", "libggml.so", "libggml.so.0", "libggml.so.0.25.1"}
	linuxDistro = []string{"libggml-base.so.0", "libggml-base.so.0.25.1", "libggml-blas.so.0", "libggml.so.0", "libggml.so.0.25.1"}
	macMetal    = []string{"libggml-base.dylib", "libggml-cpu-apple_m1.so", "libggml-metal.so", "libggml.metal.v0.4.0.dylib"}
	macBrew     = []string{"libggml-base.0.dylib", "libggml-base.dylib", "libggml.0.dylib", "libggml.dylib"}
	winNPM      = []string{"ggml-base.dll", "ggml-cpu-zen4.dll", "ggml.v0.4.0.dll", "llama.v0.4.0.dll"}
)

const (
	linuxPackage  = "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64"
	vulkanPackage = "vulkan/node_modules/@node-llama-cpp/linux-x64-vulkan/bins/linux-x64-vulkan"
	cudaPackage   = "cuda/node_modules/@node-llama-cpp/linux-x64-cuda/bins/linux-x64-cuda"
	cudaExtra     = "cuda/node_modules/@node-llama-cpp/linux-x64-cuda-ext/bins/linux-x64-cuda/fallback"
)

// place writes empty files into dir below root.
func place(t *testing.T, root, dir string, names ...string) {
	t.Helper()
	dir = filepath.Join(root, filepath.FromSlash(dir))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
}

// options returns the options of a search that sees nothing of this machine.
func options() FindOptions {
	return FindOptions{GOOS: "linux", GOARCH: "amd64", SystemDirs: []string{}, Loads: func(string) (string, bool) { return "", false }}
}

func TestFindKnowsFileNames(t *testing.T) {
	for name, tc := range map[string]struct {
		goos       string
		files      []string
		base, ggml string
		flavor     string
	}{
		"the npm package for Linux":             {"linux", linuxNPM, "libggml-base.so", "libggml.v0.5.0.so", "cpu"},
		"the npm package with Vulkan":           {"linux", vulkanNPM, "libggml-base.so", "libggml.vulkan.v0.5.0.so", "vulkan"},
		"the npm package with CUDA":             {"linux", cudaNPM, "libggml-base.so", "libggml.cuda.v0.5.0.so", "cuda"},
		"a build of the sources":                {"linux", linuxBuilt, "libggml-base.so", "libggml.so", "cpu"},
		"a distribution without its dev files":  {"linux", linuxDistro, "libggml-base.so.0", "libggml.so.0", "cpu"},
		"the npm package for Apple silicon":     {"darwin", macMetal, "libggml-base.dylib", "libggml.metal.v0.4.0.dylib", "metal"},
		"Homebrew's":                            {"darwin", macBrew, "libggml-base.dylib", "libggml.dylib", "cpu"},
		"the npm package for Windows":           {"windows", winNPM, "ggml-base.dll", "ggml.v0.4.0.dll", "cpu"},
		"a build of the sources with MinGW":     {"windows", []string{"libggml-base.dll", "libggml.dll", "libggml-vulkan.dll"}, "libggml-base.dll", "libggml.dll", "cpu"},
		"a build of the sources with CUDA":      {"windows", []string{"ggml-base.dll", "ggml.dll", "ggml-cuda.dll"}, "ggml-base.dll", "ggml.dll", "cuda"},
		"two versions, of which the later goes": {"linux", append([]string{"libggml.v0.4.0.so"}, linuxNPM...), "libggml-base.so", "libggml.v0.5.0.so", "cpu"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			place(t, dir, ".", tc.files...)
			o := options()
			o.GOOS, o.Dir = tc.goos, dir
			b, err := Find(o)
			require.NoError(t, err)
			assert.Equal(t, Bundle{Dir: dir, Base: filepath.Join(dir, tc.base), Ggml: filepath.Join(dir, tc.ggml), Flavor: tc.flavor}, b)
		})
	}
}

// Each place holds a bundle. The places are emptied one after the other, so each must come after the one before it.
func TestFindKeepsTheOrderOfPlaces(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"flag", "opt/bin/lib", "opt/bin", "opt/lib/gosling", "opt/bin/third_party/" + linuxPackage, "data/gosling/ggml", "system"} {
		place(t, root, dir, linuxNPM...)
	}
	at := func(dir string) string { return filepath.Join(root, filepath.FromSlash(dir)) }
	o := options()
	o.Dir, o.ExeDir, o.DataHome = at("flag"), at("opt/bin"), at("data")
	o.SystemDirs = []string{at("nowhere"), at("system")}
	o.Loads = func(name string) (string, bool) {
		return filepath.Join(root, "loader", name), strings.HasSuffix(name, ".so.0")
	}

	for _, step := range []struct {
		want string
		then func()
	}{
		{"flag", func() { o.Dir = "" }},
		{"opt/bin/lib", func() { require.NoError(t, os.RemoveAll(at("opt/bin/lib"))) }},
		{"opt/bin", func() {
			for _, name := range linuxNPM {
				require.NoError(t, os.Remove(filepath.Join(at("opt/bin"), name)))
			}
		}},
		{"opt/lib/gosling", func() { require.NoError(t, os.RemoveAll(at("opt/lib"))) }},
		{"opt/bin/third_party/" + linuxPackage, func() { o.ExeDir = "" }},
		{"data/gosling/ggml", func() { o.DataHome = "" }},
		{"system", func() { o.SystemDirs = []string{} }},
	} {
		b, err := Find(o)
		require.NoError(t, err, step.want)
		assert.Equal(t, at(step.want), b.Dir)
		assert.Equal(t, step.want == "system", b.System, step.want)
		step.then()
	}
	b, err := Find(o)
	require.NoError(t, err)
	assert.Equal(t, Bundle{Dir: at("loader"), Base: "libggml-base.so.0", Ggml: "libggml.so.0", Flavor: "cpu", System: true}, b)
}

// Libraries are code. Find must not load them from the working directory, which another user may have created.
func TestFindTakesNothingFromTheWorkingDirectory(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte("module gosling\n\ngo 1.26.0\n"), 0o644))
	for _, dir := range []string{".", "lib", "third_party/lib", "gosling/ggml", "bin/deep"} {
		place(t, root, dir, linuxBuilt...)
	}
	for name, dir := range map[string]string{"the folder itself": root, "one below it": filepath.Join(root, "bin", "deep")} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(dir)
			o := options()
			o.ExeDir, o.DataHome = ".", "."
			_, err := Find(o)
			require.ErrorIs(t, err, ErrNotFound)
			o.ExeDir, o.DataHome = filepath.Join(t.TempDir(), "bin"), t.TempDir()
			_, err = Find(o)
			require.ErrorIs(t, err, ErrNotFound)
		})
	}
}

func TestTheBackendsOfASystemsBundleMayLieApart(t *testing.T) {
	for name, backends := range map[string]string{
		"beside the libraries":     "usr/lib/x86_64-linux-gnu",
		"in a folder of ggml's":    "usr/lib/x86_64-linux-gnu/ggml",
		"in one of several":        "usr/lib/x86_64-linux-gnu/ggml/backends0",
		"among what programs need": "usr/libexec/x86_64-linux-gnu/ggml",
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "usr", "lib", "x86_64-linux-gnu")
			place(t, root, "usr/lib/x86_64-linux-gnu", linuxDistro...)
			place(t, root, backends, "libggml-cpu-zen4.so")
			o := options()
			o.SystemDirs = []string{dir}
			b, err := Find(o)
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(root, filepath.FromSlash(backends)), b.BackendDir())
			b.System = false
			assert.Equal(t, dir, b.BackendDir())
		})
	}
}

func TestTheBackendsOfHomebrewLieInItsCellar(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Homebrew and its links are not for Windows")
	}
	root := t.TempDir()
	place(t, root, "Cellar/ggml/0.9/lib", macBrew...)
	place(t, root, "Cellar/ggml/0.9/libexec", "libggml-cpu-apple_m1.so", "libggml-metal.so")
	place(t, root, "lib")
	for _, name := range macBrew {
		require.NoError(t, os.Symlink("../Cellar/ggml/0.9/lib/"+name, filepath.Join(root, "lib", name)))
	}
	o := options()
	o.GOOS, o.GOARCH, o.SystemDirs = "darwin", "arm64", []string{filepath.Join(root, "lib")}
	b, err := Find(o)
	require.NoError(t, err)
	want, err := filepath.EvalSymlinks(filepath.Join(root, "Cellar", "ggml", "0.9", "libexec"))
	require.NoError(t, err)
	assert.Equal(t, want, b.BackendDir())
}

func TestFindPrefersGPUBackends(t *testing.T) {
	all := map[string][]string{linuxPackage: linuxNPM, vulkanPackage: vulkanNPM, cudaPackage: cudaNPM}
	for name, tc := range map[string]struct {
		installed []string
		flavor    string
		want      string
	}{
		"all, and CUDA is taken":                 {[]string{linuxPackage, vulkanPackage, cudaPackage}, "", cudaPackage},
		"two, and Vulkan is taken":               {[]string{linuxPackage, vulkanPackage}, "", vulkanPackage},
		"one":                                    {[]string{linuxPackage}, "", linuxPackage},
		"all, and Vulkan is wanted":              {[]string{linuxPackage, vulkanPackage, cudaPackage}, "vulkan", vulkanPackage},
		"all, and the plain one is wanted":       {[]string{linuxPackage, vulkanPackage, cudaPackage}, "cpu", linuxPackage},
		"two, and the one wanted is not of them": {[]string{linuxPackage, vulkanPackage}, "cuda", vulkanPackage},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, dir := range tc.installed {
				place(t, root, dir, all[dir]...)
			}
			o := options()
			o.Dir, o.Flavor = root, tc.flavor
			b, err := Find(o)
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(root, filepath.FromSlash(tc.want)), b.Dir)
		})
	}
}

func TestFindPrefersABuildOverAPackageOfTheSameFlavor(t *testing.T) {
	root := t.TempDir()
	place(t, root, linuxPackage, linuxNPM...)
	place(t, root, "lib", linuxBuilt...)
	o := options()
	o.Dir = root
	b, err := Find(o)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "lib"), b.Dir)
}

func TestFindPassesOverPackagesOfOtherPlatforms(t *testing.T) {
	root := t.TempDir()
	place(t, root, linuxPackage, linuxNPM...)
	o := options()
	o.GOARCH, o.DataHome = "arm64", root
	_, err := Find(o)
	require.ErrorIs(t, err, ErrNotFound)
}

func TestFindKnowsTheFallbackForOlderDrivers(t *testing.T) {
	for name, dir := range map[string]string{"in its package": cudaExtra, "beneath the bundle": cudaPackage + "/fallback"} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			place(t, root, cudaPackage, cudaNPM...)
			o := options()
			o.Dir = root
			b, err := Find(o)
			require.NoError(t, err)
			assert.Empty(t, b.Fallback)

			place(t, root, dir, "libggml-cuda.so")
			b, err = Find(o)
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(root, filepath.FromSlash(dir)), b.Fallback)
		})
	}
}

func TestFindRefusesANamedFolderWithoutLibraries(t *testing.T) {
	good, empty, half := t.TempDir(), t.TempDir(), t.TempDir()
	place(t, good, ".", linuxNPM...)
	place(t, half, ".", "libggml.so", "libggml-cpu.so")
	dangling := t.TempDir()
	place(t, dangling, ".", "libggml-base.so")
	require.NoError(t, os.Symlink("gone", filepath.Join(dangling, "libggml.so")))
	for name, tc := range map[string]struct {
		dir  string
		says []string
	}{
		"an empty folder":                         {empty, []string{empty, "holds no ggml libraries", "libggml.so"}},
		"a folder that is not there":              {filepath.Join(empty, "x"), []string{filepath.Join(empty, "x")}},
		"a folder with libggml alone":             {half, []string{half}},
		"a folder with a link that leads nowhere": {dangling, []string{dangling}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Dir, o.ExeDir = tc.dir, good
			_, err := Find(o)
			var bad *FolderError
			require.ErrorAs(t, err, &bad)
			for _, s := range tc.says {
				assert.ErrorContains(t, err, s)
			}
			assert.NotErrorIs(t, err, ErrNotFound)
		})
	}
}

func TestFindListsThePlacesWhenNothingIsFound(t *testing.T) {
	for name, tc := range map[string]struct{ goos, goarch, prebuilt string }{
		"on Linux":                      {"linux", "amd64", "linux-x64"},
		"on Apple silicon":              {"darwin", "arm64", "mac-arm64"},
		"on Windows":                    {"windows", "amd64", "win-x64"},
		"where no package is published": {"linux", "s390x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			o := options()
			o.GOOS, o.GOARCH = tc.goos, tc.goarch
			o.ExeDir, o.DataHome, o.SystemDirs = filepath.Join(root, "bin"), filepath.Join(root, "data"), []string{filepath.Join(root, "system")}
			_, err := Find(o)
			require.ErrorIs(t, err, ErrNotFound)
			for _, dir := range []string{"bin/lib", "lib/gosling", "bin/third_party", "data/gosling/ggml", "system"} {
				assert.ErrorContains(t, err, filepath.Join(root, filepath.FromSlash(dir)))
			}
			assert.ErrorContains(t, err, tc.goos+"/"+tc.goarch)
			assert.Equal(t, tc.prebuilt, Prebuilt(tc.goos, tc.goarch))
			assert.ErrorContains(t, err, "or name its folder")
		})
	}
}

func TestTheBackendsOfABundleAreToldByTheirFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"libggml.so", "libggml-base.so", "libggml-cpu-haswell.so", "libggml-cpu-zen4.so", "libggml-vulkan.so", "libllama.so"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	b := Bundle{Dir: dir}
	assert.Equal(t, []string{"haswell", "zen4"}, b.CPUVariants())
	paths, err := b.Backends("zen4")
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(dir, "libggml-cpu-zen4.so"), filepath.Join(dir, "libggml-vulkan.so")}, paths)
	_, err = b.Backends("zen5")
	assert.ErrorContains(t, err, `no build "zen5" of the CPU backend: choose one of haswell, zen4`)
}
