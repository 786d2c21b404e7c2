package convert

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/shape"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// tunedSuffix ends the names of a checkpoint's tuned states, one a layer: [heads, value, key].
const tunedSuffix = ".att.time_state"

// State is a file of tuned states. The texts of the converted model begin with it. The zero value means that there is no state.
type State struct {
	// Path is a .pth or .safetensors file. If it is empty, Transposed is about the states in the checkpoint itself.
	Path string
	// Transposed says whether the matrices are [key, value], the reverse of the authors' .pth files. If it is nil, the file must tell.
	// If the file does not, the error wraps a *dialect.Unclear.
	Transposed *bool
}

// into adds the states to a checkpoint, in place of those that it may have. What it returns is closed after the checkpoint
// has been read.
func (s State) into(file *checkpoint.File) (io.Closer, error) {
	states := &checkpoint.File{}
	if s.Path != "" {
		var err error
		if states, err = openStates(s.Path); err != nil {
			return nil, err
		}
		if states.Unclear != nil && s.Transposed == nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s.Path, states.Unclear), states.Close())
		}
		own := func(t checkpoint.Tensor) bool { return strings.HasSuffix(t.Name, tunedSuffix) }
		file.Tensors = append(slices.DeleteFunc(slices.Clone(file.Tensors), own), states.Tensors...)
		file.Swapped = states.Swapped
	}
	if s.Transposed == nil {
		return states, nil
	}
	if err := lay(file, *s.Transposed); err != nil {
		return nil, errors.Join(err, states.Close())
	}
	return states, nil
}

// lay transposes the states of a checkpoint unless they were read as ones that lie in the file as the user says.
func lay(file *checkpoint.File, transposed bool) error {
	states := 0
	for i, t := range file.Tensors {
		if !strings.HasSuffix(t.Name, tunedSuffix) {
			continue
		}
		states++
		if transposed == file.Swapped {
			continue
		}
		var err error
		if file.Tensors[i], err = t.Transposed(); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	if states == 0 {
		return fmt.Errorf("%s: it has no tuned state, so its layout cannot be given", file.Path)
	}
	return nil
}

// fits reads the states for a model and says what does not fit; no states do.
func (s State) fits(arch rwkv.Arch, c rwkv.Config) error {
	if s.Path == "" {
		return nil
	}
	_, err := ReadStates(s, arch, c)
	return err
}

// openStates opens a file of states.
func openStates(path string) (*checkpoint.File, error) {
	f, err := formats.Open(path)
	if err != nil {
		return nil, err
	}
	if err := onlyStates(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return f, nil
}

// onlyStates leaves out what else is in a file of states, such as a whole model's weights.
func onlyStates(f *checkpoint.File) error {
	all := len(f.Tensors)
	f.Tensors = slices.DeleteFunc(f.Tensors, func(t checkpoint.Tensor) bool { return !strings.HasSuffix(t.Name, tunedSuffix) })
	if len(f.Tensors) == 0 {
		return fmt.Errorf("holds no tuned state (blocks.0%s): none of its %d tensors is one", tunedSuffix, all)
	}
	return nil
}

// ReadStates reads the states of a .pth or .safetensors file for a model, as StatesOf does. Errors name the file.
func ReadStates(s State, arch rwkv.Arch, c rwkv.Config) (map[string][]float32, error) {
	f, err := openStates(s.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	read, err := StatesOf(f, s.Transposed, arch, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Path, err)
	}
	return read, nil
}

// StatesOf reads the tuned states of a checkpoint for a model. It returns the elements of each tensor by its GGUF name, in the order of a
// GGUF file. transposed is State.Transposed. Errors say what does not fit.
func StatesOf(f *checkpoint.File, transposed *bool, arch rwkv.Arch, c rwkv.Config) (map[string][]float32, error) {
	states := *f
	states.Tensors = slices.Clone(f.Tensors)
	if err := onlyStates(&states); err != nil {
		return nil, err
	}
	switch {
	case transposed != nil:
		if err := lay(&states, *transposed); err != nil {
			return nil, err
		}
	case f.Unclear != nil:
		return nil, f.Unclear
	}
	return readStates(&states, arch, c)
}

func readStates(file *checkpoint.File, arch rwkv.Arch, c rwkv.Config) (map[string][]float32, error) {
	c.Tuned = true
	read := map[string][]float32{}
	for _, spec := range arch.Tensors(c) {
		if spec.Class != rwkv.Tuned {
			continue
		}
		t, ok := file.Tensor(spec.From[0])
		if !ok {
			return nil, fmt.Errorf("%q is missing: the model has %d layers, the file states of %d", spec.From[0], c.Layers, len(file.Tensors))
		}
		if !slices.Equal(shape.Squeeze(t.Shape...), spec.FromShape) {
			return nil, fmt.Errorf("tensor %q is %v, the model's state is %v: it was tuned for another model", t.Name, t.Shape, spec.FromShape)
		}
		x := make([]float32, t.Elements())
		if err := t.ReadFloats(x, 0); err != nil {
			return nil, err
		}
		if i := float.FirstNotFinite(x); i >= 0 {
			return nil, fmt.Errorf("tensor %q: element %d is %v: the file is damaged", t.Name, i, x[i])
		}
		if spec.Make != nil {
			made := make([]float32, len(x))
			spec.Make(made, [][]float32{x})
			x = made
		}
		read[spec.Name] = x
	}
	switch {
	case len(read) == 0:
		return nil, fmt.Errorf("%s has no state that can be tuned", arch.Title)
	case len(read) < len(file.Tensors):
		return nil, fmt.Errorf("states of %d layers, the model has %d: it was tuned for another model", len(file.Tensors), c.Layers)
	}
	return read, nil
}
