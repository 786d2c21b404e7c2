// Package fit computes how much memory a model needs to run, before its file exists. It uses the version's tensor table, the
// types of a mix, and what the engine does with weights, state and graphs. Recommend chooses a released model for a machine from
// this. Table lists one model in every mix.
//
// File sizes are exact, except for the tokenizer of vocabularies other than World's. Memory is an estimate of the process's
// resident memory, including the mapped file. It should be slightly above the measured value.
package fit

import (
	"fmt"
	"strings"

	"golang.org/x/sys/cpu"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/cpus"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// weights describes a model's file, which need not exist: its tensors with their types.
type weights struct {
	arch   rwkv.Arch
	config rwkv.Config
	size   int64 // of the file

	header  int64
	tensors []tensor
}

type tensor struct {
	spec  rwkv.TensorSpec
	typ   gguf.Type
	size  int64
	layer int // Config.Layers for tensors outside the layers
}

// inMix describes the file that a checkpoint with these dimensions is converted to in a mix.
func inMix(arch rwkv.Arch, c rwkv.Config, mix quant.Mix) (weights, error) {
	return layOut(arch, c, func(s rwkv.TensorSpec) (gguf.Type, bool) { return mix.Type(s), true })
}

// quantized describes the file that f is quantized to in a mix.
func quantized(arch rwkv.Arch, c rwkv.Config, f *gguf.File, mix quant.Mix) (weights, error) {
	return layOut(arch, c, func(s rwkv.TensorSpec) (gguf.Type, bool) {
		t, ok := f.Tensor(s.Name)
		return mix.Retype(s, t.Type), ok
	})
}

// ofFile describes an existing file.
func ofFile(arch rwkv.Arch, c rwkv.Config, f *gguf.File) (weights, error) {
	w, err := layOut(arch, c, func(s rwkv.TensorSpec) (gguf.Type, bool) {
		t, ok := f.Tensor(s.Name)
		return t.Type, ok
	})
	if err != nil {
		return w, err
	}
	w.size = f.Size()
	w.header = w.size
	for _, t := range f.Tensors() {
		w.header -= t.Size
	}
	return w, nil
}

// layOut determines the type and size of every tensor in the table. typeOf returns a tensor's type, and whether the file has the
// tensor.
func layOut(arch rwkv.Arch, c rwkv.Config, typeOf func(rwkv.TensorSpec) (gguf.Type, bool)) (weights, error) {
	w := weights{arch: arch, config: c, header: vocabularyBytes(c.Vocab)}
	head := gguf.Header{Keys: arch.Keys(c)}
	for _, s := range arch.Tensors(c) {
		typ, ok := typeOf(s)
		if !ok {
			continue
		}
		row, err := typ.RowBytes(s.Shape[0])
		if err != nil {
			return w, fmt.Errorf("tensor %q: %w", s.Name, err)
		}
		layer, _ := rwkv.SplitName(s.Name)
		if layer < 0 {
			layer = c.Layers
		}
		w.tensors = append(w.tensors, tensor{s, typ, row * (s.Elements() / s.Shape[0]), layer})
		head.Tensors = append(head.Tensors, gguf.Tensor{Name: s.Name, Type: typ, Shape: s.Shape})
	}
	file, err := gguf.NewWriter(nowhere{}, head)
	if err != nil {
		return w, err
	}
	w.size = file.Size() + w.header
	return w, nil
}

// nowhere discards a file that is only measured.
type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// perToken returns how many bytes decoding one token moves: every weight but the embedding, and the state, which is read and
// written.
func (w weights) perToken() int64 {
	n := 2 * w.state()
	for _, t := range w.tensors {
		if t.spec.Class != rwkv.Embedding {
			n += t.size
		}
	}
	return n
}

// onHost reports whether a tensor stays in the CPU's memory on every device.
func (t tensor) onHost() bool {
	return t.spec.Class == rwkv.Embedding || strings.HasPrefix(t.spec.Name, rwkv.TokenEmbdNorm)
}

// state returns the size in bytes of the recurrent state of one sequence.
func (w weights) state() int64 {
	n := int64(0)
	for _, s := range w.arch.State(w.config) {
		n += 4 * s.Elements
	}
	return n
}

// Host is what else, besides the model, determines the memory of a process.
type Host struct {
	// Process is the memory of the program with the libraries of ggml and its devices, but without a model; 0 if unknown.
	Process int64
	Threads int  // CPU threads; 0 counts as 1
	AMX     bool // the processor has matrix units, for which ggml rearranges weights
}

// ThisHost describes the processor that the program runs on, with its default number of threads.
func ThisHost() Host { return Host{Threads: cpus.Find().Threads(), AMX: cpu.X86.HasAMXInt8} }

// defaultProcess is the memory of the program with the libraries for the CPU, plus working space for the Go runtime.
const defaultProcess = 48 << 20

// Memory is the memory that a model needs, in bytes.
type Memory struct {
	RAM    int64 `json:"ram"`    // of the process
	VRAM   int64 `json:"vram"`   // of a GPU, including what must stay free there; 0 without a GPU
	Layers int   `json:"layers"` // on the GPU, where the output counts as one
}

// memory estimates the memory that the model needs with layers on a GPU. Layers are moved from the end, beginning with the
// output.
func (w weights) memory(h Host, layers int) Memory {
	layers = min(layers, w.config.Layers+1)
	m := Memory{Layers: layers}
	var resident, embedding, largest, second int64
	state, onGPU := w.state(), int64(0)
	for _, t := range w.tensors {
		switch {
		case t.spec.Optional:
		case t.spec.Class == rwkv.Embedding:
			embedding += t.size // mapped and read row by row
		case !t.onHost() && t.layer > w.config.Layers-layers:
			onGPU += t.size
		default:
			resident += h.rearranged(t)
		}
		if t.size > largest && t.spec.Class != rwkv.Embedding {
			largest, second = t.size, largest
		} else if t.size > second && t.spec.Class != rwkv.Embedding {
			second = t.size
		}
	}
	stateOnGPU := state * int64(max(0, layers-1)) / int64(max(1, w.config.Layers))
	graphs := w.graphs()
	process := max(h.Process, defaultProcess) + 3*w.header
	loading := largest + int64(max(0, h.Threads-1))*second // pages of the file during copying
	running := embedding + 2*state + graphs                // the state is copied while a prompt is read
	if layers > 0 {
		m.VRAM = onGPU + stateOnGPU + max(engine.Reserve, graphs)
	}
	m.RAM = process + resident + max(loading, running)
	return m
}

// rearranged returns the size of a tensor in the CPU's memory. For matrix units, ggml stores sums with the blocks of a matrix.
func (h Host) rearranged(t tensor) int64 {
	if !h.AMX || t.spec.Class == rwkv.Vector {
		return t.size
	}
	switch t.typ {
	case gguf.Q8_0:
		return t.size * 38 / 34
	case gguf.Q4_K:
		return t.size * 148 / 144
	case gguf.Q5_K:
		return t.size * 180 / 176
	case gguf.IQ4_XS:
		return t.size * 138 / 136
	}
	return t.size
}

// perChannel is how many numbers a graph holds at once for each token and channel, not counting the channel mix.
var perChannel = map[string]int64{"rwkv7": 8, "rwkv6": 10, "rwkv5": 5, "rwkv4": 8}

// graphs returns the memory of a session's plans: one for a single token, one for a full chunk of a prompt, one for the prompt's
// last chunk.
func (w weights) graphs() int64 {
	c := w.config
	channels, ok := perChannel[w.arch.Name]
	if !ok {
		channels = 12
	}
	chunk := engine.MaxChunk * (4*(channels*int64(c.Embed)+int64(c.FFN)) + 2*int64(c.FFN))
	nodes := int64(512+640*c.Layers) * 400
	return chunk + chunk/2 + 3*nodes/2 + 8*int64(c.Vocab)
}
