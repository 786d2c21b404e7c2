package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// platform is one that is not this machine's, and how its programs run here.
type platform struct {
	goos, goarch string
	npm          []string // how npm is told to fetch the libraries of this platform
	needs        []need
	start        []string // what a command line begins with
	try          []string // a command line that fails if programs do not run, or none
	untried      string   // what is missing then
	env          []string
	goFlags      []string               // of go build and go test
	cannot       []string               // tests of what the emulator does otherwise than the platform
	setUp        func(*emulation) error // makes the emulator ready, or nil
}

// need is a command or a file, and the package of Debian that has it.
type need struct{ name, pkg string }

var platforms = map[string]platform{
	"linux/arm64": {
		goos: "linux", goarch: "arm64", npm: []string{"--os=linux", "--cpu=arm64", "--libc=glibc"},
		needs: []need{
			{"qemu-aarch64-static", "qemu-user-static"}, {"unshare", "util-linux"}, {"npm", "npm"},
			{"/lib/ld-linux-aarch64.so.1", "libc6:arm64"}, {"/usr/lib/aarch64-linux-gnu/libstdc++.so.6", "libstdc++6:arm64"},
		},
		start:   []string{absolute("scripts/emulate/arm64.sh")},
		try:     []string{"/lib/ld-linux-aarch64.so.1", "--version"},
		env:     []string{"QEMU_CPU=" + cmp.Or(os.Getenv("QEMU_CPU"), "neoverse-n1")},
		cannot:  []string{"TestTouchingWhatWasCutOffIsAnErrorInsideView"}, // qemu 7.2 delivers SIGBUS without the address
		untried: "programs for arm64 do not start: that takes the package qemu-user-binfmt, or Linux 6.7 with user namespaces",
	},
	"windows/amd64": {
		goos: "windows", goarch: "amd64", npm: []string{"--os=win32", "--cpu=x64"},
		needs: []need{{"wine", "wine and wine64"}, {"x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64"}, {"npm", "npm"}},
		start: []string{"wine"},
		env:   []string{"WINEPREFIX=" + absolute("build/emulate/wine"), "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml="},
		setUp: setUpWine, goFlags: []string{"-overlay=" + absolute(overlayFile)},
	},
}

func (p platform) String() string { return p.goos + "/" + p.goarch }

// folder is where what is made for the platform is kept.
func (p platform) folder() string { return absolute("build/emulate/" + p.goos + "-" + p.goarch) }

// absolute is a path below the working directory, which is the checkout.
func absolute(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Join(wd, path)
}

// missing says what must be installed before programs of the platform run, or nothing.
func (p platform) missing() string {
	var missing []string
	for _, n := range p.needs {
		if _, err := exec.LookPath(n.name); err != nil && !isFile(n.name) {
			missing = append(missing, fmt.Sprintf("%s (package %s)", n.name, n.pkg))
		}
	}
	if len(missing) > 0 {
		return "no " + strings.Join(missing, ", no ")
	}
	if p.try != nil {
		if _, err := p.command(p.try...).CombinedOutput(); err != nil {
			return p.untried
		}
	}
	return ""
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return filepath.IsAbs(path) && err == nil
}

// command is a command line of the platform.
func (p platform) command(args ...string) *exec.Cmd {
	args = append(p.start[:len(p.start):len(p.start)], args...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = p.environment()
	return cmd
}

// environment is that of programs of the platform.
func (p platform) environment() []string {
	return append(append(os.Environ(), p.env...), "GOSLING_GGML="+p.folder())
}

// prepare fetches the libraries, unless they are there as the lock file wants them, and makes the emulator ready.
func (e *emulation) prepare() error {
	lock, err := os.ReadFile("third_party/package-lock.json")
	if err != nil {
		return err
	}
	kept := filepath.Join(e.folder(), "package-lock.json")
	if old, err := os.ReadFile(kept); err != nil || !bytes.Equal(old, lock) || !isFile(filepath.Join(e.folder(), "node_modules")) {
		if err := e.fetch(lock, kept); err != nil {
			return err
		}
	}
	if e.setUp != nil {
		return e.setUp(e)
	}
	return nil
}

// fetch installs the npm package of the platform. A lock file that stays is the sign that all went well.
func (e *emulation) fetch(lock []byte, kept string) error {
	manifest, err := os.ReadFile("third_party/package.json")
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(e.folder()), os.MkdirAll(e.folder(), 0o755)); err != nil {
		return err
	}
	for name, data := range map[string][]byte{"package.json": manifest, "package-lock.json": lock} {
		if err := os.WriteFile(filepath.Join(e.folder(), name), data, 0o600); err != nil {
			return err
		}
	}
	cmd := exec.Command("npm", append([]string{"ci", "--ignore-scripts", "--no-fund", "--no-audit"}, e.npm...)...)
	cmd.Dir = e.folder()
	if said, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, said), os.Remove(kept))
	}
	return nil
}

// build makes the program for the platform, and for this machine to compare with.
func (e *emulation) build() error {
	err := e.goCommand("build", "-trimpath", "-o", e.program(), ".").Run()
	if err != nil {
		return err
	}
	native := exec.Command("go", "build", "-trimpath", "-o", e.native(), ".")
	native.Stderr = os.Stderr
	return native.Run()
}

// goCommand is the go command for the platform.
func (e *emulation) goCommand(what string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", slices.Concat([]string{what}, e.goFlags, args)...)
	cmd.Env = append(e.environment(), "CGO_ENABLED=0", "GOOS="+e.goos, "GOARCH="+e.goarch)
	cmd.Stdout, cmd.Stderr = e.out, os.Stderr
	return cmd
}

// program is the one under test. Its name ends in .exe everywhere: only Windows minds.
func (e *emulation) program() string { return filepath.Join(e.folder(), "gosling.exe") }

func (e *emulation) native() string { return filepath.Join(e.folder(), "gosling-here") }
