package synth

import (
	"fmt"
	"os"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
)

// Split splits a GGUF file into parts beside it, with the names and contents of llama-gguf-split: the first part has all keys,
// and every part has about as many tensors. It returns the paths of the parts.
func Split(path string, parts int) ([]string, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tensors := f.Tensors()
	var paths []string
	for i := range parts {
		keys := []gguf.KV{
			{Key: "split.no", Value: uint16(i)}, {Key: "split.count", Value: uint16(parts)}, {Key: "split.tensors.count", Value: int32(len(tensors))},
		}
		if i == 0 {
			keys = append(f.Keys(), keys...)
		}
		out := fmt.Sprintf("%s-%05d-of-%05d.gguf", strings.TrimSuffix(path, ".gguf"), i+1, parts)
		first, end := i*len(tensors)/parts, (i+1)*len(tensors)/parts
		if err := writePart(out, f, gguf.Header{Keys: keys, Tensors: tensors[first:end]}); err != nil {
			return nil, err
		}
		paths = append(paths, out)
	}
	return paths, nil
}

func writePart(path string, f *gguf.File, h gguf.Header) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	w, err := gguf.NewWriter(out, h)
	if err != nil {
		return err
	}
	for i, t := range h.Tensors {
		if err := w.WriteAt(i, f.Data(t), 0); err != nil {
			return err
		}
	}
	return w.Close()
}
