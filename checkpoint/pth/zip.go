package pth

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// contents is what a container holds: the object that was saved, and the storages, each with its place in the file.
type contents struct {
	format    string
	object    any
	bigEndian bool
	sums      []checkpoint.Sum
}

// readZip reads the container of PyTorch 1.6 and later. Sizes come from the central directory alone: the local
// headers of a streamed file say 0.
func readZip(file io.ReaderAt, size int64) (*contents, error) {
	members, err := readDirectory(file, size)
	if err != nil {
		return nil, err
	}
	root, err := findRoot(members)
	if err != nil {
		return nil, err
	}
	c := &contents{format: "PyTorch zip"}
	if c.bigEndian, err = readByteOrder(members[root+"byteorder"], file, size); err != nil {
		return nil, err
	}
	pickle, length, err := openPickle(members[root+"data.pkl"], file, size)
	if err != nil {
		return nil, err
	}
	d := newDecoder(pickle, length, "data.pkl")
	if c.object, err = d.load(); err != nil {
		return nil, err
	}
	for _, s := range d.ordered {
		m := members[root+"data/"+s.key]
		if m == nil {
			return nil, fmt.Errorf("there is no record %s: cut short, download it again", excerpt.Of(root+"data/"+s.key))
		}
		if s.off, err = locate(m, file, size); err != nil {
			return nil, err
		}
		if want := s.numel * s.elementSize(); int64(m.UncompressedSize64) < want {
			return nil, fmt.Errorf("record %s holds %d bytes, want %d for %d elements: damaged, not loading",
				excerpt.Of(m.Name), m.UncompressedSize64, want, s.numel)
		}
	}
	c.sums = sumsOf(members, file, size)
	return c, nil
}

// sumsOf are the checksums of the members, in their order in the file. A checksum of 0 is none: PyTorch writes it when it is
// told to compute none.
func sumsOf(members map[string]*zip.File, file io.ReaderAt, size int64) []checkpoint.Sum {
	var sums []checkpoint.Sum
	for _, m := range members {
		off, err := locate(m, file, size)
		if err != nil || m.CRC32 == 0 {
			continue
		}
		sums = append(sums, checkpoint.Sum{
			Part: "record " + excerpt.Of(m.Name), Data: io.NewSectionReader(file, off, int64(m.UncompressedSize64)), CRC32: m.CRC32,
		})
	}
	place := func(s checkpoint.Sum) int64 {
		_, off, _ := s.Data.Outer()
		return off
	}
	slices.SortFunc(sums, func(a, b checkpoint.Sum) int { return cmp.Compare(place(a), place(b)) })
	return sums
}

// readDirectory lists the members by name and refuses what PyTorch does not write.
func readDirectory(file io.ReaderAt, size int64) (map[string]*zip.File, error) {
	if n := claimedRecords(file, size); n > MaxRecords {
		return nil, fmt.Errorf("the zip archive's directory has %d entries, %d are the most", n, MaxRecords)
	}
	limited := &limitedReader{file: file, left: MaxDirectory}
	archive, err := zip.NewReader(limited, size)
	limited.whole = true
	if errors.Is(err, zip.ErrFormat) {
		return nil, fmt.Errorf("the zip archive has no sound directory at its end, after %d bytes: cut short, download it again", size)
	}
	if err != nil {
		return nil, fmt.Errorf("the zip archive's directory: %w", err)
	}
	if len(archive.File) > MaxRecords {
		return nil, fmt.Errorf("the zip archive's directory has %d entries, %d are the most", len(archive.File), MaxRecords)
	}
	members := make(map[string]*zip.File, len(archive.File))
	for _, m := range archive.File {
		switch {
		case members[m.Name] != nil:
			return nil, fmt.Errorf("there are two members %s: made to deceive, not loading", excerpt.Of(m.Name))
		case m.Method != zip.Store && strings.Contains(m.Name, "/code/"):
			return nil, &objectError{State: module}
		case m.Method != zip.Store:
			return nil, fmt.Errorf("member %s is compressed (method %d), which torch.save never does: not loading",
				excerpt.Of(m.Name), m.Method)
		case m.Flags&1 != 0:
			return nil, fmt.Errorf("member %s is encrypted: not loading", excerpt.Of(m.Name))
		case m.CompressedSize64 != m.UncompressedSize64:
			return nil, fmt.Errorf("member %s is stored, but of %d and %d bytes: damaged, not loading",
				excerpt.Of(m.Name), m.CompressedSize64, m.UncompressedSize64)
		case strings.HasPrefix(m.Name, "/") || strings.Contains(m.Name, `\`) || strings.Contains("/"+m.Name+"/", "/../"):
			return nil, fmt.Errorf("member %s names a place outside the archive: made to write elsewhere, not loading", excerpt.Of(m.Name))
		}
		members[m.Name] = m
	}
	return members, nil
}

// findRoot answers with the folder that all records are in, with its slash.
func findRoot(members map[string]*zip.File) (string, error) {
	root, found := "", false
	for name := range members {
		if path.Base(name) != "data.pkl" {
			continue
		}
		if found {
			return "", errors.New("there are two members \"data.pkl\": made to deceive, not loading")
		}
		root, found = strings.TrimSuffix(name, "data.pkl"), true
	}
	if !found {
		return "", errors.New("is a zip archive without a member \"data.pkl\": not written by torch.save")
	}
	return root, nil
}

// locate answers with the place of a member's bytes, which lie within the file.
func locate(m *zip.File, file io.ReaderAt, size int64) (int64, error) {
	off, err := m.DataOffset()
	if err != nil {
		return 0, fmt.Errorf("record %s has no sound header: damaged, download it again", excerpt.Of(m.Name))
	}
	if off < 0 || off > size || m.UncompressedSize64 > uint64(size-off) {
		return 0, fmt.Errorf("record %s claims %d bytes at byte %d of a file of %d: cut short or made by hand, not loading",
			excerpt.Of(m.Name), m.UncompressedSize64, off, size)
	}
	return off, nil
}

// openPickle checks the length and the checksum of data.pkl.
func openPickle(m *zip.File, file io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	off, err := locate(m, file, size)
	if err != nil {
		return nil, 0, err
	}
	length := int64(m.UncompressedSize64)
	if length > MaxPickle {
		return nil, 0, fmt.Errorf("%s has %d bytes, more than the %d that any checkpoint needs: not loading", excerpt.Of(m.Name), length, MaxPickle)
	}
	pickle := io.NewSectionReader(file, off, length)
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, pickle); err != nil {
		return nil, 0, err
	}
	if m.CRC32 != 0 && sum.Sum32() != m.CRC32 {
		return nil, 0, fmt.Errorf("%s has the checksum %08x, want %08x: damaged, download it again", excerpt.Of(m.Name), sum.Sum32(), m.CRC32)
	}
	return pickle, length, nil
}

// readByteOrder reports whether the elements are big-endian. Older files do not say, and are little-endian.
func readByteOrder(m *zip.File, file io.ReaderAt, size int64) (bool, error) {
	if m == nil {
		return false, nil
	}
	off, err := locate(m, file, size)
	if err != nil {
		return false, err
	}
	text := make([]byte, min(m.UncompressedSize64, 16))
	if _, err := io.ReadFull(io.NewSectionReader(file, off, int64(len(text))), text); err != nil {
		return false, err
	}
	switch string(text) {
	case "little":
		return false, nil
	case "big":
		return true, nil
	}
	return false, fmt.Errorf("record %s says %q, want \"little\" or \"big\"", excerpt.Of(m.Name), text)
}
