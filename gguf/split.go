package gguf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A model may lie in several files, as llama-gguf-split writes them: PREFIX-00001-of-00003.gguf and so on. Each is a GGUF file
// of its own with some of the tensors; the keys of the model are in the first.

// The keys of a file that is part of a model.
const (
	splitPrefix  = "split."
	splitNo      = splitPrefix + "no"    // from 0
	splitCount   = splitPrefix + "count" // of files
	splitTensors = splitPrefix + "tensors.count"
)

// splitName is the form of the names, by which the files of a model find each other.
var splitName = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// TrimPart removes the number of a part from a path: "m-00002-of-00003.gguf" becomes "m.gguf". It returns other paths unchanged.
func TrimPart(path string) string {
	if m := splitName.FindStringSubmatch(path); m != nil && filepath.Base(m[1]) != "" {
		return m[1] + ".gguf"
	}
	return path
}

// isPart reports whether the file has only some of a model's tensors.
func (c *contents) isPart() bool {
	n, _ := c.uint(splitCount)
	return n > 1
}

func (c *contents) uint(key string) (uint64, bool) {
	i, ok := c.key[key]
	if !ok {
		return 0, false
	}
	return Unsigned(c.keys[i].Value)
}

// openAll opens the other files of the model that part is of, and puts all together. It takes part over.
func openAll(part *File) (*File, error) {
	whole, err := part.siblings()
	if err == nil {
		err = whole.join()
	}
	if err != nil {
		return nil, errors.Join(err, whole.Close())
	}
	return whole, nil
}

// siblings opens all files of the model, in order. Its result holds those that it opened, also beside an error.
func (f *File) siblings() (*File, error) {
	whole := &File{path: f.path, parts: f.parts}
	count, _ := f.uint(splitCount)
	no, ok := f.uint(splitNo)
	if count > MaxParts {
		return whole, fmt.Errorf("%s: is one of %d parts, %d are the most", f.path, count, MaxParts)
	}
	if !ok || no >= count {
		return whole, fmt.Errorf("%s: %s is missing or not below %d, the %s: damaged", f.path, quote("key", splitNo), count, splitCount)
	}
	name := splitName.FindStringSubmatch(filepath.Base(f.path))
	if name == nil || name[2] != fmt.Sprintf("%05d", no+1) || name[3] != fmt.Sprintf("%05d", count) {
		return whole, fmt.Errorf("%s: is part %d of %d of a model, %s", f.path, no+1, count, f.unnamed(no, count))
	}
	mine := f.parts[0]
	whole.parts = []part{mine}
	var parts []part
	for i := range count {
		p := mine
		if i != no {
			var err error
			if p, err = openPart(f.partPath(name[1], i, count)); err != nil {
				return whole, f.missing(err, i, count)
			}
			whole.parts = append(whole.parts, p)
		}
		if is, _ := p.uint(splitNo); is != i {
			return whole, fmt.Errorf("%s: says that it is part %d, its name that it is part %d: the parts do not belong together", p.path, is+1, i+1)
		}
		if of, _ := p.uint(splitCount); of != count {
			return whole, fmt.Errorf("%s: is one of %d parts, want one of %d: the parts do not belong together", p.path, of, count)
		}
		parts = append(parts, p)
	}
	whole.parts = parts
	return whole, nil
}

// partPath is the path of part i, counted from 0, beside the file.
func (f *File) partPath(prefix string, i, count uint64) string {
	return filepath.Join(filepath.Dir(f.path), fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, i+1, count))
}

func (f *File) missing(err error, i, count uint64) error {
	var path *fs.PathError
	if errors.Is(err, fs.ErrNotExist) && errors.As(err, &path) {
		return fmt.Errorf("%s: part %d of the model's %d, %q, is not beside it: download it too", f.path, i+1, count, filepath.Base(path.Path))
	}
	return err
}

// unnamed says what is wrong with a part whose name does not tell where the others are.
func (f *File) unnamed(no, count uint64) string {
	p := f.parts[0]
	end := p.dataOffset
	for _, t := range p.tensors {
		end = max(end, t.end())
	}
	end, _ = pad(end, p.alignment)
	if all := p.file.Bytes(); end < int64(len(all)) && bytes.HasPrefix(all[end:], []byte(magic)) {
		return "and another part follows in the same file: parts are not joined by writing one after the other (cat, copy /b); " +
			"download them again and name the first, or join them with llama-gguf-split --merge"
	}
	return fmt.Sprintf("but its name does not end in %q, by which the other parts are found: give all of them the names that they had", fmt.Sprintf("-%05d-of-%05d.gguf", no+1, count))
}

// join fills in the keys of the first part, and the tensors of all.
func (f *File) join() error {
	f.contents = f.parts[0].contents
	want, counted := f.uint(splitTensors)
	f.keys = slices.DeleteFunc(slices.Clone(f.keys), func(kv KV) bool { return strings.HasPrefix(kv.Key, splitPrefix) })
	f.key, f.tensor, f.tensors = map[string]int{}, map[string]int{}, nil
	for i, kv := range f.keys {
		f.key[kv.Key] = i
	}
	for i, p := range f.parts {
		for _, t := range p.tensors {
			if first, twice := f.tensor[t.Name]; twice {
				return fmt.Errorf("%s: %s is in %s too: the parts do not belong together", p.path, quote("tensor", t.Name), filepath.Base(f.parts[f.tensors[first].Part].path))
			}
			if len(f.tensors) == MaxTensors {
				return fmt.Errorf("%s: the parts have more than %d tensors", p.path, MaxTensors)
			}
			t.Part = i
			f.tensor[t.Name] = len(f.tensors)
			f.tensors = append(f.tensors, t)
		}
	}
	if counted && want != uint64(len(f.tensors)) {
		return fmt.Errorf("%s: the parts have %s tensors, want the %d of %q: they do not belong together", f.path, strconv.Itoa(len(f.tensors)), want, splitTensors)
	}
	return nil
}
