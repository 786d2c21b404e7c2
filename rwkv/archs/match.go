package archs

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/shape"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Match returns the result of Describe and everything that keeps the file from running. Every tensor of the table must be there,
// with its shape and a type that weights may have. Other tensors are errors, because with them the model would compute something
// else.
func Match(f *gguf.File) (rwkv.Arch, rwkv.Config, []error) {
	arch, config, err := Describe(f)
	if err != nil {
		return arch, config, []error{err}
	}
	var problems []error
	known := map[string]bool{}
	for _, spec := range arch.Tensors(config) {
		known[spec.Name] = true
		t, ok := f.Tensor(spec.Name)
		switch {
		case spec.Optional: // nothing is computed from it
		case !ok:
			problems = append(problems, fmt.Errorf("tensor %q is missing: not a complete %s model", spec.Name, arch.Title))
		case !shape.Same(t.Shape, spec.Shape):
			problems = append(problems, fmt.Errorf("tensor %q is %v, want %v", spec.Name, t.Shape, spec.Shape))
		case !ggml.Multiplies(t.Type):
			problems = append(problems, fmt.Errorf("tensor %q is %s, a type that weights cannot have: convert the checkpoint again", spec.Name, t.Type))
		}
	}
	for _, t := range f.Tensors() {
		if !known[t.Name] {
			problems = append(problems, fmt.Errorf("tensor %q is not part of %s: the file holds a variant that this program does not run", t.Name, arch.Title))
		}
	}
	return arch, config, problems
}
