package pth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// legacyMagic is the first value of a file of PyTorch before 1.6, little-endian.
var legacyMagic = long{0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19}

// readLegacy reads the container before PyTorch 1.6: pickles of a magic number, a version, facts about the machine,
// the object and the storages' keys, then each storage with its length before it. The facts say whether the machine
// was little-endian, but the elements are so on every machine.
func readLegacy(file io.ReaderAt, size int64) (*contents, error) {
	d := newDecoder(file, min(size, MaxPickle), "the pickle")
	magic, err := d.load()
	if err != nil {
		return nil, err
	}
	if got, ok := magic.(long); !ok || !bytes.Equal(got, legacyMagic) {
		return nil, errors.New("is a pickle, but not one that torch.save wrote: save the model's state dict with torch.save")
	}
	version, err := d.load()
	if err != nil {
		return nil, err
	}
	if version != int64(1001) {
		return nil, fmt.Errorf("is of version %s of PyTorch's old format, want 1001", shown(version))
	}
	if _, err := d.load(); err != nil {
		return nil, err
	}
	c := &contents{format: "PyTorch before 1.6"}
	if c.object, err = d.load(); err != nil {
		return nil, err
	}
	keys, err := d.load()
	if err != nil {
		return nil, err
	}
	return c, d.place(keys, file, size)
}

// place finds the storages, which follow the last pickle in the order of keys.
func (d *decoder) place(keys any, file io.ReaderAt, size int64) error {
	l, ok := keys.(*list)
	if !ok {
		return d.errorf("ends with %s, want the list of storages", kind(keys))
	}
	off := d.off
	for _, key := range l.items {
		name, _ := key.(string)
		s := d.storages[name]
		if s == nil || s.off != 0 {
			return d.errorf("lists storage %s, which is unknown or listed before: damaged, not loading", shown(key))
		}
		var head [8]byte
		if _, err := file.ReadAt(head[:], off); err != nil {
			return fmt.Errorf("storage %q is missing at byte %d of %d: cut short, download it again", name, off, size)
		}
		s.off = off + int64(len(head))
		length := s.numel * s.elementSize()
		if n := binary.LittleEndian.Uint64(head[:]); n != uint64(s.numel) {
			return fmt.Errorf("storage %q at byte %d has %d elements, want %d: damaged, not loading", name, off, n, s.numel)
		}
		if length > size-s.off {
			return fmt.Errorf("storage %q claims %d bytes at byte %d of a file of %d: cut short, download it again", name, length, s.off, size)
		}
		off = s.off + length
	}
	for _, s := range d.ordered {
		if s.off == 0 {
			return fmt.Errorf("storage %q is not in the file: cut short, download it again", s.key)
		}
	}
	return nil
}
