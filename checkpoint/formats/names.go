package formats

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// wrappers are the parts of a name that a trainer's wrapping adds wherever it wraps a module: torch.compile, FSDP, activation
// checkpointing, Lightning. They stand for nothing in the model.
var wrappers = []string{"_orig_mod", "_fsdp_wrapped_module", "_fpw_module", "_checkpoint_wrapped_module", "_forward_module"}

// unwrap takes out of the tensors' names what trainers' wrapping adds to them.
func unwrap(f *checkpoint.File) error {
	seen := map[string]string{}
	for i, t := range f.Tensors {
		name := plainName(t.Name)
		if first, twice := seen[name]; twice {
			return fmt.Errorf("tensors %q and %q are both %q: save the weights of one model alone", first, t.Name, name)
		}
		seen[name] = t.Name
		f.Tensors[i].Name = name
	}
	return nil
}

// plainName is a tensor's name without wrappers. At the beginning "module." (DistributedDataParallel, DeepSpeed) and "model."
// (Lightning, after the attribute that holds the model) are wrappers too; but of the names in Hugging Face's layout "model." is
// a part.
func plainName(name string) string {
	parts := slices.DeleteFunc(strings.Split(name, "."), func(part string) bool { return slices.Contains(wrappers, part) })
	for len(parts) > 2 && (parts[0] == "module" || parts[0] == "model" && !slices.Contains(inModel, parts[1])) {
		parts = parts[1:]
	}
	return strings.Join(parts, ".")
}

// inModel are the parts that follow "model." in Hugging Face's layout.
var inModel = []string{"layers", "embeddings", "embed_tokens", "norm"}

// partName is the name of one file of a model in several, as Hugging Face's programs write it.
var partName = regexp.MustCompile(`^(.+)-(\d{5})-of-(\d{5})(\.[A-Za-z]+)$`)

// whole is the path of the model that a file is a part of: its index, which lies beside it. Other paths stay as they are.
func whole(path string) (string, error) {
	m := partName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return path, nil
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return path, nil // for its error
	}
	index := filepath.Join(filepath.Dir(path), m[1]+m[4]+".index.json")
	if _, err := os.Stat(index); err == nil {
		return index, nil
	}
	if m[3] == "00001" {
		return path, nil
	}
	return "", fmt.Errorf("%s: is part %s of %s of a model, and %s is not beside it: download it too, and the other parts",
		path, strings.TrimLeft(m[2], "0"), strings.TrimLeft(m[3], "0"), filepath.Base(index))
}
