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

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// Index is the size limit of the index of a model in several files. A real index has about 100 bytes for each tensor.
var Index = infile.Limit{Bytes: 16 << 20, What: "the index of a model"}

// MaxParts is the largest number of files of a model.
const MaxParts = 1024

// Opener opens one file of a model.
type Opener func(path string) (*checkpoint.File, error)

// OpenIndex opens a model that is cut into several files. The index at path is a JSON file beside them, whose "weight_map" names the file
// of each tensor. Hugging Face writes such an index for safetensors and for PyTorch's files. The caller closes the model.
func OpenIndex(path string, open Opener) (*checkpoint.File, error) {
	places, err := readIndex(path)
	if err != nil {
		return nil, err
	}
	return assemble(path, places, open)
}

// assemble opens the parts of an index and takes from each the tensors that the index says are in it.
func assemble(path string, places map[string]string, open Opener) (*checkpoint.File, error) {
	places = maps.Clone(places)
	whole := &checkpoint.File{Path: path}
	var parts closers
	files := invert(places)
	if len(files) > MaxParts || len(places) > checkpoint.MaxTensors {
		return nil, fmt.Errorf("%s: names %d tensors in %d files, %d in %d are the most", path, len(places), len(files), checkpoint.MaxTensors, MaxParts)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		part, err := open(filepath.Join(filepath.Dir(path), name))
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%s: the part %s is missing beside it: download it too", path, excerpt.Of(name))
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
		return nil, errors.Join(fmt.Errorf("%s: tensor %s is not in %s: the parts do not belong together, or one is damaged", path, excerpt.Of(name), excerpt.Of(places[name])), parts.Close())
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
	data, err := Index.File(path)
	if err != nil {
		return nil, err
	}
	places, err := parseIndex(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return places, err
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
		return nil, fmt.Errorf("not an index of a model: %w", excerpt.Error(err))
	}
	if len(index.Places) == 0 {
		return nil, errors.New("not an index of a model: it has no \"weight_map\"")
	}
	for tensor, file := range index.Places {
		if !filepath.IsLocal(file) || filepath.Base(file) != file || file == "." {
			return nil, fmt.Errorf("tensor %s lies in %s according to the index: want a file beside it", excerpt.Of(tensor), excerpt.Of(file))
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
