package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// pkg is a package that has fuzz targets.
type pkg struct {
	path    string // its import path
	short   string // the path without the module's name
	dir     string
	targets []string // the names of its fuzz targets
}

// declaration is the first line of a fuzz target.
var declaration = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(\w+ \*testing\.F\)`)

// list returns the packages that match patterns, with the fuzz targets in their test files.
func list(ctx context.Context, patterns []string) ([]pkg, error) {
	args := append([]string{"list", "-json=ImportPath,Dir,Module,TestGoFiles,XTestGoFiles"}, patterns...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l struct {
			ImportPath, Dir           string
			Module                    struct{ Path string }
			TestGoFiles, XTestGoFiles []string
		}
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		p := pkg{path: l.ImportPath, short: strings.TrimPrefix(l.ImportPath, l.Module.Path+"/"), dir: l.Dir}
		for _, name := range slices.Concat(l.TestGoFiles, l.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(l.Dir, name))
			if err != nil {
				return nil, err
			}
			for _, m := range declaration.FindAllSubmatch(text, -1) {
				p.targets = append(p.targets, string(m[1]))
			}
		}
		if len(p.targets) > 0 {
			packages = append(packages, p)
		}
	}
}

// keep drops the targets whose names do not match.
func (p *pkg) keep(only *regexp.Regexp) {
	p.targets = slices.DeleteFunc(p.targets, func(name string) bool { return !only.MatchString(name) })
}

// built is a package with its test binary, or the error of building it.
type built struct {
	pkg
	binary string
	err    error
}

// buildAll builds the packages with matching targets, in order. It builds each one while the previous one is fuzzed.
func buildAll(ctx context.Context, packages []pkg, o options) <-chan built {
	done := make(chan built)
	go func() {
		defer close(done)
		for _, p := range packages {
			if p.keep(o.only); len(p.targets) == 0 {
				continue
			}
			binary, err := p.build(ctx, o.dir)
			select {
			case done <- built{p, binary, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return done
}

// build compiles the package's test binary with coverage counters for fuzzing, and returns its path.
func (p *pkg) build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "bin", filepath.FromSlash(p.short)+".test")
	if err := os.MkdirAll(filepath.Dir(binary), 0o777); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-fuzz=.", "-o", binary, p.path).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	return binary, nil
}
