package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// newRelease builds the program for this machine and lets it write the manual and the completions.
func newRelease(work string) (*release, error) {
	r := &release{work: work, shared: tree{}, texts: tree{}}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, err
	}
	var err error
	if r.time, err = releaseTime(); err != nil {
		return nil, err
	}
	if r.lock, err = readLock(filepath.Join("third_party", "package-lock.json")); err != nil {
		return nil, err
	}
	own := filepath.Join(work, "own", "gosling")
	if _, err := build(target{goos: runtime.GOOS, goarch: runtime.GOARCH}, own); err != nil {
		return nil, err
	}
	said, err := output(own, "--version")
	if err != nil {
		return nil, err
	}
	r.version = strings.Trim(strings.Fields(string(said))[1], "()") // "gosling v1.2.3 (go..."; "(devel)" without git
	if err := r.writeShared(own); err != nil {
		return nil, err
	}
	for name, file := range map[string]string{"README.md": "README.md", "LICENSE": "LICENSE", "NOTICE": "NOTICE", "licenses/ggml/LICENSE": "third_party/LICENSE.ggml"} {
		if r.texts[name], err = os.ReadFile(filepath.FromSlash(file)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// releaseTime returns SOURCE_DATE_EPOCH, or the time of the last commit.
func releaseTime() (time.Time, error) {
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		said, err := output("git", "log", "-1", "--format=%ct")
		if err != nil {
			return time.Time{}, fmt.Errorf("%w: without git, set SOURCE_DATE_EPOCH", err)
		}
		seconds = strings.TrimSpace(string(said))
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(n, 0).UTC(), nil
}

// build compiles the program for a platform.
func build(t target, file string) ([]byte, error) {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=auto", "-ldflags=-s -w", "-o", file, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.goos, "GOARCH="+t.goarch)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go build: %w", err)
	}
	return os.ReadFile(file)
}

func output(name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	said, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return said, nil
}

// writeShared fills shared with the files that the program writes about itself.
func (r *release) writeShared(gosling string) error {
	pages := filepath.Join(r.work, "man1")
	if err := os.RemoveAll(pages); err != nil {
		return err
	}
	if _, err := output(gosling, "man", pages); err != nil {
		return err
	}
	files, err := os.ReadDir(pages)
	if err != nil {
		return err
	}
	for _, f := range files {
		if r.shared["man/man1/"+f.Name()], err = os.ReadFile(filepath.Join(pages, f.Name())); err != nil {
			return err
		}
	}
	for shell, name := range map[string]string{
		"bash": "bash-completion/completions/gosling", "zsh": "zsh/site-functions/_gosling", "fish": "fish/vendor_completions.d/gosling.fish",
	} {
		if r.shared[name], err = output(gosling, "completion", shell); err != nil {
			return err
		}
	}
	return nil
}

// files returns the files of a platform's archive: in bin, lib and share, or on Windows beside the program.
func (r *release) files(t target) (tree, error) {
	all := tree{}
	all.add("", r.texts)
	libraries, license, err := r.libraries(t.npm)
	if err != nil {
		return nil, err
	}
	all["licenses/node-llama-cpp/LICENSE"] = license
	modules, err := moduleLicenses(t)
	if err != nil {
		return nil, err
	}
	all.add("licenses/", modules)
	program, err := build(t, filepath.Join(r.work, t.goos+"-"+t.goarch, "gosling"))
	if err != nil {
		return nil, err
	}
	if t.goos != "windows" {
		all["bin/gosling"] = program
		all.add("lib/gosling/", libraries)
		all.add("share/", r.shared)
		return all, nil
	}
	all["gosling.exe"] = program
	all.add("lib/", libraries)
	all["gosling.ps1"], err = os.ReadFile(filepath.Join("cli", "completion", "gosling.ps1"))
	for _, name := range []string{"README.md", "LICENSE", "NOTICE"} { // for editors that only understand CR LF
		all[name] = bytes.ReplaceAll(all[name], []byte("\n"), []byte("\r\n"))
	}
	return all, err
}
