package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// knowFlags lists the packages that may name flags and commands of the program. "*" stands for every name.
var knowFlags = []string{"", "cli", "doctor", "internal/cmdline", "internal/manual", "internal/served", "scripts/*", "scripts/*/*"}

// mayNameFlags reports whether a package may name flags.
func mayNameFlags(pkg string) bool {
	return slices.ContainsFunc(knowFlags, func(pattern string) bool { ok, _ := path.Match(pattern, pkg); return ok })
}

var (
	flags = regexp.MustCompile(`(?:^|[^-\w])(--[a-z][a-z-]*)|\b(gosling [a-z]+)`)
	// others are commands of other programs, to their end, and variables of style sheets.
	others = regexp.MustCompile(`\bllama-gguf-split .*|\bvar\(--`)
)

// flagIn returns the first flag or command of the program that a text names, or "".
func flagIn(text string) string {
	m := flags.FindStringSubmatch(others.ReplaceAllString(text, ""))
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}

// TestLibrariesNameNoFlags checks the strings of every package that programs other than the command line may use. Such a package has
// typed errors, and cli adds the flags.
func TestLibrariesNameNoFlags(t *testing.T) {
	seen := 0
	walk(t, func(local, file string) {
		if mayNameFlags(packageOf(local)) {
			return
		}
		places := token.NewFileSet()
		parsed, err := parser.ParseFile(places, file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				seen++
				assert.Empty(t, flagIn(text), "%s:%d: a library names a flag", local, places.Position(n.Pos()).Line)
			}
			return true
		})
	})
	assert.Greater(t, seen, 1000, "the walk found the libraries")
}

func TestFlagIn(t *testing.T) {
	for text, want := range map[string]string{
		"it exists: add --force to overwrite it":  "--force",
		"--lora-alpha is missing":                 "--lora-alpha",
		"look at it with gosling inspect":         "gosling inspect",
		"(--vocab)":                               "--vocab",
		"join them with llama-gguf-split --merge": "",
		"a -- b, --- and 1--2":                    "",
		"var(--ink)":                              "",
		"gosling-compare-":                        "",
		strings.Repeat("-", 20):                   "",
	} {
		assert.Equal(t, want, flagIn(text), text)
	}
}
