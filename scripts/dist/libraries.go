package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// lockFile is what an npm lock file records for each package: the version, and the checksum of its archive.
type lockFile struct {
	Packages map[string]struct {
		Version   string `json:"version"`
		Integrity string `json:"integrity"`
	} `json:"packages"`
}

func readLock(file string) (l lockFile, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return l, err
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("%s: %w", file, err)
	}
	return l, nil
}

// libraries returns a package's ggml files by name, and its license.
func (r *release) libraries(name string) (files tree, license []byte, err error) {
	pinned, ok := r.lock.Packages["node_modules/@node-llama-cpp/"+name]
	if !ok {
		return nil, nil, fmt.Errorf("third_party/package-lock.json has no @node-llama-cpp/%s", name)
	}
	data, err := r.pack(name, pinned.Version)
	if err != nil {
		return nil, nil, err
	}
	sum := sha512.Sum512(data)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != pinned.Integrity {
		return nil, nil, fmt.Errorf("@node-llama-cpp/%s@%s: checksum %s, the lock file has %s", name, pinned.Version, got, pinned.Integrity)
	}
	return unpack(data)
}

// pack returns the archive of a package. It downloads the archive with npm unless an earlier run did.
func (r *release) pack(name, version string) ([]byte, error) {
	file := filepath.Join(r.work, fmt.Sprintf("node-llama-cpp-%s-%s.tgz", name, version))
	if data, err := os.ReadFile(file); err == nil {
		return data, nil
	}
	cmd := exec.Command("npm", "pack", "--silent", "--pack-destination", r.work, "@node-llama-cpp/"+name+"@"+version)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return os.ReadFile(file)
}

// unpack extracts ggml's libraries and the license from an npm package. It skips libraries of other projects.
func unpack(data []byte) (files tree, license []byte, err error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, nil, err
	}
	files = tree{}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		name := path.Base(h.Name)
		isLicense := h.Name == "package/LICENSE"
		if h.Typeflag != tar.TypeReg || !isLicense && !(strings.HasPrefix(h.Name, "package/bins/") && strings.Contains(name, "ggml")) {
			continue
		}
		content, err := io.ReadAll(t)
		if err != nil {
			return nil, nil, err
		}
		if isLicense {
			license = content
		} else {
			files[name] = content
		}
	}
	if len(files) == 0 || license == nil {
		return nil, nil, errors.New("the npm package has no libraries or no license")
	}
	return files, license, nil
}
