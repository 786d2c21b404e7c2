package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"gosling/checkpoint"
	"gosling/internal/filekind"
)

// maxIndex is more than the index of any model has.
const maxIndex = 64 << 20

// Opener opens one file of a model.
type Opener func(path string) (*checkpoint.File, error)

// OpenIndex opens a model that is cut into several files beside an index, a JSON file with a "weight_map" of tensors to
// files, as Hugging Face writes them for safetensors and for PyTorch's files.
func OpenIndex(path string, open Opener) (*checkpoint.File, error) {
	places, err := readIndex(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return assemble(path, places, open)
}

// assemble opens the parts of an index and takes from each the tensors that the index says are in it.
func assemble(path string, places map[string]string, open Opener) (*checkpoint.File, error) {
	places = maps.Clone(places)
	whole := &checkpoint.File{Path: path}
	var parts closers
	for _, name := range slices.Sorted(maps.Keys(invert(places))) {
		part, err := open(filepath.Join(filepath.Dir(path), name))
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%s: the part %q is missing beside it: download it too", path, name)
		}
		if err != nil {
			return nil, errors.Join(err, parts.Close())
		}
		parts = append(parts, part)
		whole.Format, whole.Safetensors = part.Format+", in parts", part.Safetensors
		for _, s := range part.Sums {
			s.Part = name + ": " + s.Part
			whole.Sums = append(whole.Sums, s)
		}
		for _, t := range part.Tensors {
			if places[t.Name] == name {
				whole.Tensors = append(whole.Tensors, t)
				delete(places, t.Name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		return nil, errors.Join(fmt.Errorf("%s: tensor %q is not in %q: the parts do not belong together, or one is damaged", path, name, places[name]), parts.Close())
	}
	whole.Closer = parts
	return whole, nil
}

func invert(places map[string]string) map[string]bool {
	files := map[string]bool{}
	for _, file := range places {
		files[file] = true
	}
	return files
}

// readIndex reads which file each tensor is in.
func readIndex(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxIndex {
		return nil, fmt.Errorf("more than %d MiB, too large for an index", maxIndex>>20)
	}
	return parseIndex(data)
}

// parseIndex reads an index: the files of the tensors by their names. The files lie beside the index.
func parseIndex(data []byte) (map[string]string, error) {
	var index struct {
		Places map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		if what := filekind.Recognize(data, "index of a model"); what != "" {
			return nil, errors.New(what)
		}
		return nil, fmt.Errorf("no index of a model: %w", err)
	}
	if len(index.Places) == 0 {
		return nil, errors.New("no index of a model: it has no \"weight_map\"")
	}
	for tensor, file := range index.Places {
		if !filepath.IsLocal(file) || filepath.Base(file) != file || file == "." {
			return nil, fmt.Errorf("tensor %q is said to be in %q: want a file beside the index", tensor, file)
		}
	}
	return index.Places, nil
}

// closers are the open parts.
type closers []io.Closer

func (c closers) Close() error {
	var all error
	for _, f := range c {
		all = errors.Join(all, f.Close())
	}
	return all
}
