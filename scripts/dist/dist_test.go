package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var someFiles = tree{"bin/gosling": []byte("program"), "README.md": []byte("read me"), "lib/gosling/libggml.so": []byte("library")}

func TestTheSameFilesGiveTheSameArchive(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	for name, write := range map[string]func(io.Writer, string, tree, time.Time) error{"tar.gz": writeTarGz, "zip": writeZip} {
		t.Run(name, func(t *testing.T) {
			var first, second bytes.Buffer
			require.NoError(t, write(&first, "top", someFiles, at))
			copied := tree{}
			copied.add("", someFiles)
			require.NoError(t, write(&second, "top", copied, at.In(time.FixedZone("elsewhere", 3600))))
			require.Equal(t, first.Bytes(), second.Bytes())
		})
	}
}

func TestATarHasSortedFilesOfNobodyThatRunIfTheyShould(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, writeTarGz(&b, "top", someFiles, time.Unix(1_700_000_000, 0)))
	z, err := gzip.NewReader(&b)
	require.NoError(t, err)
	var names []string
	var modes []int64
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		names, modes = append(names, h.Name), append(modes, h.Mode)
		assert.Zero(t, h.Uid+h.Gid)
		assert.Empty(t, h.Uname+h.Gname)
		assert.Equal(t, int64(1_700_000_000), h.ModTime.Unix())
	}
	assert.Equal(t, []string{"top/README.md", "top/bin/gosling", "top/lib/gosling/libggml.so"}, names)
	assert.Equal(t, []int64{0o644, 0o755, 0o755}, modes)
}

func TestAZipCanBeReadBack(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, writeZip(&b, "top", someFiles, time.Unix(1_700_000_000, 0)))
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	require.Len(t, z.File, 3)
	f, err := z.Open("top/bin/gosling")
	require.NoError(t, err)
	data, err := io.ReadAll(f)
	require.NoError(t, err)
	assert.Equal(t, "program", string(data))
}

// npmPackage returns an archive as npm makes it.
func npmPackage(t *testing.T, files tree) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, writeTarGz(&b, "package", files, time.Unix(0, 0)))
	return b.Bytes()
}

func TestOnlyTheLibrariesOfGgmlAreTakenFromAPackage(t *testing.T) {
	data := npmPackage(t, tree{"LICENSE": []byte("free"), "bins/linux-x64/libggml-base.so": []byte("base"),
		"bins/linux-x64/libllama.so": nil, "bins/linux-x64/addon.node": nil, "dist/ggml.js": nil})
	files, license, err := unpack(data)
	require.NoError(t, err)
	assert.Equal(t, tree{"libggml-base.so": []byte("base")}, files)
	assert.Equal(t, "free", string(license))

	_, _, err = unpack(npmPackage(t, tree{"bins/linux-x64/libggml-base.so": nil}))
	require.ErrorContains(t, err, "no license")
}

func TestAPackageWithAnotherChecksumThanTheLockFileIsRefused(t *testing.T) {
	data := npmPackage(t, tree{"LICENSE": []byte("free"), "bins/linux-x64/libggml-base.so": nil})
	sum := sha512.Sum512(data)
	dir := t.TempDir()
	lock := `{"packages": {"node_modules/@node-llama-cpp/linux-x64": {"version": "1.2.3", "integrity": "sha512-` +
		base64.StdEncoding.EncodeToString(sum[:]) + `"}}}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lock.json"), []byte(lock), 0o600))
	file := filepath.Join(dir, "node-llama-cpp-linux-x64-1.2.3.tgz")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	r := &release{work: dir}
	var err error
	r.lock, err = readLock(filepath.Join(dir, "lock.json"))
	require.NoError(t, err)
	_, _, err = r.libraries("linux-x64")
	require.NoError(t, err)
	_, _, err = r.libraries("plan9")
	require.ErrorContains(t, err, "has no @node-llama-cpp/plan9")

	require.NoError(t, os.WriteFile(file, append(data, 0), 0o600))
	_, _, err = r.libraries("linux-x64")
	require.ErrorContains(t, err, "the lock file has sha512-")
}

func TestChooseNamesThePlatformsThereAre(t *testing.T) {
	all, err := choose("")
	require.NoError(t, err)
	assert.Equal(t, targets, all)
	some, err := choose("windows/amd64,linux/arm64")
	require.NoError(t, err)
	assert.Equal(t, []target{targets[3], targets[1]}, some)
	_, err = choose("linux/amd64,plan9/386")
	assert.ErrorContains(t, err, `no platform "plan9/386": want some of [linux/amd64 linux/arm64`)
}
