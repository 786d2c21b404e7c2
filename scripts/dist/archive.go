package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// tree is a folder of files. It maps names with slashes to contents.
type tree map[string][]byte

// add puts other into a folder. "" is this folder.
func (t tree) add(folder string, other tree) {
	for name, data := range other {
		t[folder+name] = data
	}
}

// names are sorted, so that an archive does not depend on the order in which it was filled.
func (t tree) names() []string { return slices.Sorted(maps.Keys(t)) }

// mode returns a file's permissions. Programs and libraries are executable.
func mode(name string) int64 {
	switch {
	case strings.HasPrefix(name, "bin/"), strings.HasPrefix(name, "lib/"), strings.HasSuffix(name, ".exe"):
		return 0o755
	default:
		return 0o644
	}
}

// writeTarGz packs the files into a folder of the archive. All files have the same time and no owner.
func writeTarGz(w io.Writer, folder string, files tree, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, name := range files.names() {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: folder + "/" + name, Mode: mode(name), Size: int64(len(files[name])), ModTime: at}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(files[name]); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

// writeZip is writeTarGz for Windows.
func writeZip(w io.Writer, folder string, files tree, at time.Time) error {
	z := zip.NewWriter(w)
	for _, name := range files.names() {
		f, err := z.CreateHeader(&zip.FileHeader{Name: folder + "/" + name, Method: zip.Deflate, Modified: at.UTC()})
		if err != nil {
			return err
		}
		if _, err := f.Write(files[name]); err != nil {
			return err
		}
	}
	return z.Close()
}
