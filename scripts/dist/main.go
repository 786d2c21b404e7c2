// Command dist makes the release archives, one for each platform, and their checksums:
//
//	go run ./scripts/dist [--out dist] [--targets linux/amd64,windows/amd64]
//
// An archive holds the program, ggml's libraries for the platform, the manual pages, the shells' completions, and all their licenses. The
// libraries are the npm packages of third_party's lock file, compared with the checksums there. The same commit, version of Go and lock
// file give the same bytes everywhere.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/internal/atomicfile"
)

func main() {
	err := run(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// target is a platform, and the npm package with its libraries.
type target struct{ goos, goarch, npm string }

var targets = []target{
	{"linux", "amd64", "linux-x64"},
	{"linux", "arm64", "linux-arm64"},
	{"darwin", "arm64", "mac-arm64-metal"},
	{"windows", "amd64", "win-x64"},
}

func (t target) String() string { return t.goos + "/" + t.goarch }

func run(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "dist", "write the archives to this folder")
	only := flags.String("targets", "", "only make archives for these platforms, such as linux/amd64,windows/amd64")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := choose(*only)
	if err != nil {
		return err
	}
	r, err := newRelease(filepath.Join("build", "dist"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, t := range wanted {
		name, data, err := r.archive(t)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		if err := put(filepath.Join(*out, name), data); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), name)
		fmt.Fprintf(stderr, "%s: %.1f MiB\n", filepath.Join(*out, name), float64(len(data))/(1<<20))
	}
	return put(filepath.Join(*out, "SHA256SUMS"), sums.Bytes())
}

// choose returns the named targets, or all of them if none is named.
func choose(names string) ([]target, error) {
	if names == "" {
		return targets, nil
	}
	var chosen []target
	for name := range strings.SplitSeq(names, ",") {
		before := len(chosen)
		for _, t := range targets {
			if t.String() == name {
				chosen = append(chosen, t)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("--targets: no platform %q: want some of %v", name, targets)
		}
	}
	return chosen, nil
}

// put writes a file whole. It replaces archives of an earlier run.
func put(path string, data []byte) error {
	f, err := atomicfile.Create(path, atomicfile.Options{Force: true})
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// archive makes the archive of a platform.
func (r *release) archive(t target) (name string, data []byte, err error) {
	files, err := r.files(t)
	if err != nil {
		return "", nil, err
	}
	name = fmt.Sprintf("gosling-%s-%s-%s", r.version, t.goos, t.goarch)
	var b bytes.Buffer
	if t.goos == "windows" {
		err = writeZip(&b, name, files, r.time)
		return name + ".zip", b.Bytes(), err
	}
	err = writeTarGz(&b, name, files, r.time)
	return name + ".tar.gz", b.Bytes(), err
}

// release is what all archives have in common.
type release struct {
	work    string    // folder for intermediate files
	version string    // as the program prints it
	time    time.Time // of all files
	shared  tree      // manual pages and completions, by their names in share/
	texts   tree      // files for people to read
	lock    lockFile
}
