package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

var licenseFile = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents|ofl|ftl)`)

// moduleLicenses returns the license files of Go and of all modules in the program for a platform, by module. They may be in a
// package's folder or in any folder above it.
func moduleLicenses(t target) (tree, error) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}\t{{.Dir}}", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.goos, "GOARCH="+t.goarch)
	cmd.Stderr = os.Stderr
	list, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	found := tree{}
	for line := range strings.Lines(string(list)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			continue // a package of this module or of Go's standard library
		}
		module, root, dir := fields[0], fields[1], fields[2]
		before := len(found)
		for ; strings.HasPrefix(dir, root); dir = filepath.Dir(dir) {
			if err := found.take(module, root, dir); err != nil {
				return nil, err
			}
		}
		if len(found) == before && !found.has(module) {
			return nil, fmt.Errorf("%s: no license in %s", module, root)
		}
	}
	goroot, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	dir := strings.TrimSpace(string(goroot))
	return found, found.take("go", dir, dir)
}

// take adds the licenses in one folder of a module.
func (t tree) take(module, root, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	local, err := filepath.Rel(root, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() == "licenses" {
			if err := t.take(module, root, filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
		if !e.Type().IsRegular() || !licenseFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		t[filepath.ToSlash(filepath.Join(module, local, e.Name()))] = text
	}
	return nil
}

func (t tree) has(module string) bool {
	for name := range t {
		if strings.HasPrefix(name, module+"/") {
			return true
		}
	}
	return false
}
