// Package engine runs a model on devices. Package lm is simpler to use: it adds the tokenizer, chat and sampling.
//
// Load opens a GGUF file and puts the weights on the devices that compute with them. There are three ways to compute:
//
//   - A Session reads one text. Prefill reads many tokens, Decode one; both return the logits after the last token. Its state does not
//     grow with the text. Snapshot and Restore copy the state, Save and Session.Load keep it in a file.
//   - Slots reads several texts side by side.
//   - An Observer sums up what goes into each matrix, for importance matrices.
//
// Each shape of input needs a graph, which is built once and kept. All sessions of a model share their graphs, so a session has hardly more
// than its state.
//
// A Model may be shared between goroutines. A Session, Slots or an Observer belongs to one at a time. Close them before the model.
//
// Limits: a graph reads at most MaxChunk tokens of a text. Longer prompts are read in chunks.
package engine

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/cpus"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
)

// Options say how a model is run. The zero value runs it on the best device, with as many layers as fit there.
type Options struct {
	Device    string // "auto" or empty, or a name that ggml.Library.Device knows
	GPULayers *int   // the number of layers on the device. The output counts as one more. Nil puts as many there as fit
	Threads   int    // of the CPU. 0 stands for one for each physical performance core that the process may use
	NoMmap    bool   // read the weights into memory instead of mapping the file
	Kernels   string // the level of Gosling's own kernels on the CPU: a setting for kernels.ParseLevel
	Log       *slog.Logger
}

// Model is a GGUF model ready to run. Goroutines may share it.
type Model struct {
	lib     *ggml.Library
	file    *gguf.File
	arch    rwkv.Arch
	config  rwkv.Config
	options Options

	backends  []*ggml.Backend // the device first, the CPU last
	devices   []ggml.Device   // of each layer
	head      ggml.Device
	level     kernels.Level // of our own kernels
	functions bool          // our own kernels compute all that they can, not only products
	crew      *kernels.Crew // runs programs; nil if no layer has kernels
	weights   *weights
	forward   rwkv.Forward
	exact     func() bool // finds it when asked first
	begin     *Beginning  // of texts, unless a session has another

	uploads     *semaphore.Weighted // of the bytes that are on their way to devices
	fingerprint [32]byte
	identity    func() [32]byte // computes it when asked first

	shared    sharedSlot // of the sessions
	computing sync.Mutex // held while a graph runs: backends compute one at a time
}

// Load opens the file, checks every tensor against its architecture and puts the weights on their devices. The error wraps a
// *gguf.FormatError for bytes that are not GGUF, and a *DeviceMemoryError for a device with too little memory. The caller closes the
// model.
func Load(lib *ggml.Library, path string, o Options) (*Model, error) {
	file, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	m := &Model{lib: lib, file: file, options: o, uploads: semaphore.NewWeighted(uploadMemory)}
	if err := m.load(); err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func (m *Model) load() error {
	if m.options.Log == nil {
		m.options.Log = slog.New(slog.DiscardHandler)
	}
	if m.options.Threads <= 0 {
		m.options.Threads = cpus.Find().Threads()
	}
	var err error
	if m.level, err = kernels.ParseLevel(m.options.Kernels); err != nil {
		return err
	}
	var problems []error
	if m.arch, m.config, problems = archs.Match(m.file); len(problems) > 0 {
		return problems[0]
	}
	tensors := graphTensors(m.file, m.arch.Tensors(m.config))
	if err := m.openDevices(tensors); err != nil {
		return err
	}
	m.functions = m.level != kernels.None && len(m.backends) == 1 && m.right(checkFunctions())
	if m.weights, err = m.loadWeights(tensors); err != nil {
		return err
	}
	if m.begin, err = m.ownBeginning(); err != nil {
		return err
	}
	if m.fingerprint, err = fingerprintOf(m.file); err != nil {
		return err
	}
	m.exact = sync.OnceValue(m.findExact)
	m.identity = sync.OnceValue(func() [32]byte { return identity(m.file, m.fingerprint) })
	if m.functions {
		m.crew = kernels.NewCrew(min(m.options.Threads, runtime.GOMAXPROCS(0)))
	}
	return m.bind()
}

// bind gives the weights to the architecture. What it asks for must be in its table.
func (m *Model) bind() error {
	var unknown []string
	m.forward = m.arch.Forward(m.config, func(name string) ggml.Tensor {
		t, ok := m.weights.byName[name]
		if !ok {
			unknown = append(unknown, name)
		}
		return t
	})
	if unknown != nil {
		return fmt.Errorf("engine: internal error: the table of %s lacks %q", m.arch.Title, unknown)
	}
	return nil
}

// changed returns an error that wraps gguf.ErrChanged if weights are computed with where the file is mapped, and it is not the
// file any more that was loaded.
func (m *Model) changed() error {
	if m.weights.mapped == nil {
		return nil
	}
	return m.file.Changed()
}

// Arch returns the model's architecture.
func (m *Model) Arch() rwkv.Arch { return m.arch }

// Config returns the dimensions of the model.
func (m *Model) Config() rwkv.Config { return m.config }

// File is the open GGUF file, for its metadata.
func (m *Model) File() *gguf.File { return m.file }

// Vocab is the number of logits after a token.
func (m *Model) Vocab() int { return m.config.Vocab }

// Kernels returns the level of our own kernels that multiply on the CPU. It is kernels.None if ggml computes all products.
func (m *Model) Kernels() kernels.Level {
	if m.weights.packed == nil {
		return kernels.None
	}
	return m.level
}

// Threads is the number of CPU threads that compute.
func (m *Model) Threads() int { return m.options.Threads }

// GGML describes the library that computes: its version and the build of its CPU backend.
func (m *Model) GGML() string { return m.lib.Version() + " " + m.lib.CPUVariant() }

// Devices names the devices that hold layers, the most used first.
func (m *Model) Devices() []ggml.Device {
	var devices []ggml.Device
	for _, b := range m.backends {
		devices = append(devices, b.Device())
	}
	return devices
}

// BytesPerToken returns the number of bytes that are moved to decode one token. These are all weights, but only one row of the embedding.
// The state counts twice, because it is read and written.
func (m *Model) BytesPerToken() int64 { return m.weights.read + 2*m.StateBytes() }

// Memory returns the memory with the CPU's weights, except for the mapped file. It may be read until Close.
func (m *Model) Memory() [][]byte {
	var parts [][]byte
	for _, b := range m.weights.allocated {
		parts = append(parts, b.Memory()...)
	}
	if m.weights.packed != nil {
		parts = append(parts, m.weights.packed.Bytes())
	}
	return parts
}

// StateBytes returns the size of one sequence's state.
func (m *Model) StateBytes() int64 {
	n := int64(0)
	for _, s := range m.arch.State(m.config) {
		n += 4 * s.Elements
	}
	return n
}

// Close frees the model. Its sessions must have been closed. It is safe to call twice.
func (m *Model) Close() error {
	m.shared.slots.Close()
	m.crew.Close()
	m.weights.close()
	for _, b := range m.backends {
		b.Close()
	}
	m.weights, m.backends = nil, nil
	return m.file.Close()
}
