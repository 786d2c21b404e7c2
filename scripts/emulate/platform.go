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

// platform is a platform other than this machine's, and how its programs run here.
type platform struct {
	goos, goarch string
	npm          []string // npm flags that select this platform's libraries
	needs        []need
	start        []string // the beginning of every command line
	try          []string // a command line that fails if programs cannot run; nil if not needed
	untried      string   // what is missing in that case
	env          []string
	goFlags      []string               // for go build and go test
	cannot       []string               // tests of behavior that the emulator does not reproduce
	setUp        func(*emulation) error // prepares the emulator; may be nil
}

// need is a command or a file, and the Debian package that contains it.
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
		untried: "programs for arm64 do not start: install the package qemu-user-binfmt, or use Linux 6.7 with user namespaces",
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

// folder returns the folder for everything made for the platform.
func (p platform) folder() string { return absolute("build/emulate/" + p.goos + "-" + p.goarch) }

// absolute returns a path below the working directory, which is the checkout.
func absolute(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Join(wd, path)
}

// missing says what must be installed before programs of the platform run, or returns "".
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

// command returns a command that runs on the platform.
func (p platform) command(args ...string) *exec.Cmd {
	args = append(p.start[:len(p.start):len(p.start)], args...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = p.environment()
	return cmd
}

// here returns a command of the program for this machine. It uses the libraries that GOSLING_GGML names, or those of this checkout.
func (e *emulation) here(args ...string) *exec.Cmd {
	cmd := exec.Command(e.native(), args...)
	cmd.Env = append(os.Environ(), "GOSLING_GGML="+cmp.Or(os.Getenv("GOSLING_GGML"), absolute("third_party")))
	return cmd
}

// environment returns the environment for the platform's programs.
func (p platform) environment() []string {
	return append(append(os.Environ(), p.env...), "GOSLING_GGML="+p.folder())
}

// prepare downloads the libraries, unless those of the lock file are already there, and prepares the emulator.
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

// fetch installs the platform's npm package. The lock file is removed after an error, so its presence means success.
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

// build builds the program for the platform, and one for this machine to compare with.
func (e *emulation) build() error {
	err := e.goCommand("build", "-trimpath", "-o", e.program(), ".").Run()
	if err != nil {
		return err
	}
	native := exec.Command("go", "build", "-trimpath", "-o", e.native(), ".")
	native.Stderr = os.Stderr
	return native.Run()
}

// goCommand returns a go command for the platform.
func (e *emulation) goCommand(what string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", slices.Concat([]string{what}, e.goFlags, args)...)
	cmd.Env = append(e.environment(), "CGO_ENABLED=0", "GOOS="+e.goos, "GOARCH="+e.goarch)
	cmd.Stdout, cmd.Stderr = e.out, os.Stderr
	return cmd
}

// program returns the path of the emulated program. Its name ends in .exe on every platform, because only Windows needs that.
func (e *emulation) program() string { return filepath.Join(e.folder(), "gosling.exe") }

func (e *emulation) native() string { return filepath.Join(e.folder(), "gosling-here") }
