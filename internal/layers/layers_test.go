package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// module is the prefix of this module's packages.
var module = strings.TrimSuffix(reflect.TypeFor[here]().PkgPath(), "/internal/layers")

type here struct{}

// arrows lists, for each package, the packages directly below it. A package may import everything that the arrows lead to, so it
// may skip levels. It must not import packages above it, or siblings. "v*" stands for every version.
var arrows = map[string][]string{
	"": {"cli"},
	"cli": {"dialog", "server", "chat", "lm", "generate", "fit", "models", "hub", "libraries", "convert", "quant", "gguf", "demo",
		"bench", "check", "compare", "doctor", "imatrix/collect", "calibration/collect", "inspect",
		"tokenizer", "sampler", "prompt", "music", "internal/atomicfile", "internal/cells", "internal/clock", "internal/cpus", "internal/intext", "internal/units", "internal/outfile", "internal/jsontext", "internal/excerpt", "internal/term", "internal/lineedit",
		"internal/cmdline", "internal/completion", "internal/manual", "internal/vectors"},
	"server":      {"api/*", "api", "archive", "docs", "keys", "service", "web", "internal/watch"},
	"web":         {},
	"archive":     {"internal/lock"},
	"docs":        {},
	"keys":        {"internal/atomicfile", "internal/infile", "internal/lock", "internal/watch"},
	"dialog":      {"fit", "lm", "internal/excerpt", "internal/lineedit", "internal/lock", "internal/private", "internal/units"},
	"compare":     {"bench", "eval/report", "demo", "fit", "quant", "internal/intext", "internal/jsontext", "internal/lock", "internal/private", "internal/term", "internal/units"},
	"bench":       {"lm", "internal/cells", "internal/clock", "internal/float", "internal/rss"},
	"service":     {"chat", "engine", "fit", "generate", "grammar", "guide", "lm", "rwkv", "sampler", "sched", "states", "tokenizer"},
	"sched":       {"engine", "generate", "rwkv", "states", "tokenizer"},
	"generate":    {"engine", "tokenizer", "sampler", "prompt"},
	"states":      {"engine", "tokenizer", "internal/lock"},
	"api/*":       {"api"},
	"api":         {"chat", "grammar", "prompt", "sampler", "tokenizer", "internal/excerpt", "internal/jsontext"},
	"guide":       {"chat", "grammar", "sampler", "tokenizer"},
	"chat":        {"grammar", "prompt", "internal/jsontext"},
	"lm":          {"guide", "chat", "convert", "engine", "generate", "tokenizer", "prompt", "sampler", "quant", "internal/cells", "internal/clock", "internal/float", "internal/infile"},
	"eval/report": {"eval", "internal/cells", "internal/units"},
	"eval":        {"engine", "tokenizer", "internal/lock"},
	"doctor":      {"lm", "check", "fit", "models", "hub", "ggml/probe", "internal/term", "internal/units"},
	"check":       {"convert"},
	"models":      {"fit", "hub", "convert", "internal/atomicfile", "internal/infile", "internal/jsontext", "internal/lock", "internal/term", "internal/units"},
	"inspect":     {"fit", "checkpoint/formats", "internal/float", "internal/jsontext", "internal/term", "internal/units"},
	"fit":         {"engine", "quant", "tokenizer", "internal/units"},
	"convert":     {"checkpoint/formats", "rwkv/archs", "gguf", "quant", "tokenizer"},
	"quant":       {"calibration", "imatrix", "rounding", "ggml", "rwkv/archs", "internal/term", "internal/units", "internal/utf"},
	"imatrix":     {"gguf", "internal/atomicfile", "internal/float"},

	"calibration":         {"gguf", "imatrix", "rounding", "internal/lock"},
	"rounding":            {"gguf", "kernels", "internal/float"},
	"calibration/collect": {"imatrix/collect", "calibration", "fit", "internal/clock", "internal/units"},

	"imatrix/collect": {"lm", "eval", "imatrix", "internal/term"},

	"engine":      {"rwkv/archs", "gguf", "kernels", "tokenizer", "internal/cpus", "internal/float", "internal/pages"},
	"kernels":     {"gguf", "internal/float", "internal/pages"},
	"rwkv/archs":  {"rwkv/v*"},
	"rwkv/v*":     {"rwkv/op", "rwkv/plain"},
	"rwkv/plain":  {"rwkv"},
	"rwkv/op":     {"rwkv"},
	"rwkv":        {"ggml", "internal/shape", "kernels"},
	"ggml":        {"bindings", "gguf", "internal/mmap"},
	"ggml/probe":  {"ggml"},
	"bindings":    {},
	"libraries":   {"bindings", "internal/infile", "internal/lock", "third_party"},
	"third_party": {},

	"internal/script":   {},
	"internal/demotest": {"demo", "lm", "ggml/ggmltest"},
	"internal/tinytest": {"convert", "lm", "internal/synth", "ggml/ggmltest"},

	"gguf":               {"internal/mmap", "internal/filekind", "internal/excerpt", "internal/float"},
	"checkpoint/formats": {"checkpoint/*"},
	"checkpoint/*":       {"checkpoint", "internal/filekind", "internal/shape"},
	"checkpoint":         {"internal/float", "internal/excerpt", "internal/infile"},
	"sampler":            {"tokenizer", "internal/float"},
	"tokenizer":          {"internal/excerpt"},
	"prompt":             {"internal/excerpt"},
	"grammar":            {"tokenizer"},
	"music":              {"tokenizer"},
	"demo":               {"internal/atomicfile", "internal/private"},
	"hub":                {"internal/atomicfile", "internal/excerpt", "internal/infile", "internal/lock", "internal/units"},

	"internal/atomicfile": {"internal/lock"},
	"internal/cells":      {"internal/float", "internal/term"},
	"internal/clock":      {},
	"internal/cmdline":    {},
	"internal/completion": {},
	"internal/cpus":       {"internal/units"},
	"internal/filekind":   {},
	"internal/excerpt":    {},
	"internal/float":      {},
	"internal/fuzzing":    {},
	"internal/golden":     {},
	"internal/infile":     {},
	"internal/intext":     {"internal/excerpt", "internal/infile", "internal/filekind", "internal/utf"},
	"internal/jsontext":   {},
	"internal/layers":     {},
	"internal/lineedit":   {"internal/atomicfile", "internal/term"},
	"internal/lock":       {"internal/infile"},
	"internal/manual":     {},
	"internal/mmap":       {"internal/infile"},
	"internal/pages":      {},
	"internal/outfile":    {"internal/atomicfile", "internal/infile"},
	"internal/private":    {},
	"internal/rss":        {},
	"internal/shape":      {},
	"internal/term":       {"internal/excerpt", "internal/units"},
	"internal/units":      {"internal/float"},
	"internal/utf":        {},
	"internal/vectors":    {"internal/float"},
	"internal/watch":      {},

	// For tests and scripts. They may import anything, but nothing else may import them.
	"api/apitest":      {"api", "internal/fuzzing", "internal/golden", "internal/jsontext"},
	"ggml/ggmltest":    {"ggml/probe"},
	"rwkv/rwkvtest":    {"convert", "engine", "ggml/ggmltest", "internal/float", "internal/golden", "internal/synth"},
	"internal/fakehub": {},
	"internal/ptytest": {},
	"internal/rounds":  {},
	"internal/served":  {},
	"internal/synth":   {"checkpoint/*", "gguf", "internal/float"},
	"internal/writers": {"checkpoint/*"},
	"scripts/*/*":      {},
	"scripts/*":        {"eval", "models", "states", "internal/atomicfile", "internal/fakehub", "internal/float", "internal/rounds", "internal/rss", "internal/script", "internal/served", "internal/synth"},
}

// only lists the importers of packages that few may import.
var only = map[string][]string{
	"github.com/ebitengine/purego": {"bindings"},
	"github.com/gofrs/flock":       {"internal/lock"},
	"go.etcd.io/bbolt":             {"states"},
	"golang.org/x/time/rate":       {"keys"},
	"unsafe":                       {"bindings", "ggml", "internal/cpus", "internal/mmap", "internal/pages", "kernels"},
	"C":                            {},

	"github.com/prometheus/client_golang/prometheus": {"server"},

	// These start programs. The server and what is below it start none, whatever a request asks for.
	"os/exec": {"bench", "cli", "doctor", "libraries", "ggml/ggmltest", "internal/ptytest", "internal/served", "scripts/*", "scripts/*/*"},
}

// entry returns a package's name in the table.
func entry(pkg string) (string, bool) {
	if _, ok := arrows[pkg]; ok {
		return pkg, true
	}
	for pattern := range arrows {
		if ok, _ := path.Match(pattern, pkg); ok && strings.Contains(pattern, "*") {
			return pattern, true
		}
	}
	return "", false
}

// below lists the table's entries that can be reached from one of them.
func below(from string) []string {
	var all []string
	queue := slices.Clone(arrows[from])
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		if !slices.Contains(all, next) {
			all = append(all, next)
			queue = append(queue, arrows[next]...)
		}
	}
	return all
}

// fault says what is wrong with an import, or returns "".
func fault(pkg, imported string) string {
	if few, ok := only[imported]; ok && !slices.ContainsFunc(few, func(pattern string) bool { ok, _ := path.Match(pattern, pkg); return ok }) {
		return "only " + strings.Join(few, ", ") + " may import it"
	}
	name, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		return ""
	}
	from, ok := entry(pkg)
	if !ok {
		return "the importing package has no place in the table of layers yet"
	}
	to, ok := entry(name)
	if !ok {
		return "the imported package has no place in the table of layers yet"
	}
	if !slices.Contains(below(from), to) {
		return "no arrow leads there"
	}
	return ""
}

// root returns the module's folder.
func root(t *testing.T) string {
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		require.NotEqual(t, filepath.Dir(dir), dir, "no go.mod above")
		dir = filepath.Dir(dir)
	}
}

// walk calls visit for every Go file of the module that is not a test, with its path in the module and its path.
func walk(t *testing.T, visit func(local, file string)) {
	top := root(t)
	err := filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if file != top && (name[0] == '.' || name[0] == '_' || slices.Contains([]string{"testdata", "build", "node_modules", "vendor"}, name)) {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil && file != top {
				return fs.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		local, err := filepath.Rel(top, file)
		if err == nil {
			visit(filepath.ToSlash(local), file)
		}
		return err
	})
	require.NoError(t, err)
}

// packageOf returns the package of a file, both as paths in the module.
func packageOf(local string) string { return strings.TrimPrefix(path.Dir(local), ".") }

// TestImportsFollowTheArrows checks the imports of every file for every platform. Tests may import anything.
func TestImportsFollowTheArrows(t *testing.T) {
	seen := 0
	walk(t, func(local, file string) {
		pkg := packageOf(local)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		_, known := entry(pkg)
		assert.True(t, known, "%s: its package has no place in the table of layers yet", local)
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			seen++
			assert.Empty(t, fault(pkg, imported), "%s imports %q", local, imported)
		}
	})
	assert.Greater(t, seen, 50, "the walk found the module")
}

func TestTheTableNamesPackagesThatExist(t *testing.T) {
	for pkg := range arrows {
		found, err := filepath.Glob(filepath.Join(root(t), filepath.FromSlash(pkg), "*.go"))
		require.NoError(t, err)
		assert.NotEmpty(t, found, pkg)
	}
}

func TestEveryArrowHasAnImport(t *testing.T) {
	used := map[[2]string]bool{}
	walk(t, func(local, file string) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		from, _ := entry(packageOf(local))
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			if name, ours := strings.CutPrefix(imported, module+"/"); ours {
				to, _ := entry(name)
				used[[2]string{from, to}] = true
			}
		}
	})
	for from, next := range arrows {
		for _, to := range next {
			assert.True(t, used[[2]string{from, to}], "nothing in %q imports %q", from, to)
		}
	}
}

func TestTheTableHasNoWayBack(t *testing.T) {
	for pkg, next := range arrows {
		for _, name := range next {
			assert.Contains(t, arrows, name, "below %q", pkg)
		}
		assert.NotContains(t, below(pkg), pkg)
	}
}

func TestTheServerStartsNoPrograms(t *testing.T) {
	require.NotEmpty(t, only["os/exec"])
	for _, pkg := range append(below("server"), "server") {
		assert.NotContains(t, only["os/exec"], pkg, "a request could reach it")
	}
}

func TestFault(t *testing.T) {
	for name, tc := range map[string]struct{ pkg, imported, want string }{
		"a step down":                     {"convert", module + "/quant", ""},
		"two steps down":                  {"engine", module + "/ggml", ""},
		"to a version":                    {"rwkv/archs", module + "/rwkv/v7", ""},
		"the standard library":            {"gguf", "fmt", ""},
		"a step up":                       {"ggml", module + "/engine", "no arrow leads there"},
		"to a sibling":                    {"prompt", module + "/tokenizer", "no arrow leads there"},
		"from one version to another":     {"rwkv/v7", module + "/rwkv/v6", "no arrow leads there"},
		"to itself":                       {"quant", module + "/quant", "no arrow leads there"},
		"a package for tests in the code": {"convert", module + "/internal/synth", "no arrow leads there"},
		"a package that nobody knows":     {"cli", module + "/util", "the imported package has no place"},
		"from one that nobody knows":      {"util", module + "/gguf", "the importing package has no place"},
		"C functions":                     {"engine", "github.com/ebitengine/purego", "only bindings may import it"},
		"C memory":                        {"gguf", "unsafe", "only bindings, ggml, internal/cpus, internal/mmap, internal/pages, kernels may import it"},
	} {
		t.Run(name, func(t *testing.T) {
			got := fault(tc.pkg, tc.imported)
			if tc.want == "" {
				assert.Empty(t, got)
			} else {
				assert.Contains(t, got, tc.want)
			}
		})
	}
}
