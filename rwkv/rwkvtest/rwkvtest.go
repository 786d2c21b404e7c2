// Package rwkvtest holds the suite that every version of RWKV must pass on every device that ggml finds. It compares with the
// official logits and states, and with a float64 reference for heads of any size. It also checks that text gives the same result
// when read in pieces.
//
// Most models are made during the test from random weights. The official numbers are in testdata, and some in ../shared/testdata.
// Tests whose numbers are missing are skipped.
package rwkvtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Suite is a version and the data it is compared with.
type Suite struct {
	Arch   rwkv.Arch
	Golden []string     // names of the golden files of this version
	Random synth.Config // options for random models of this version; the suite chooses their sizes
	// States convert the golden files' states to those between the two token shifts. read returns a golden file's state by name.
	States map[string]func(read func(what string) []float32) []float32
}

// Same returns a state that golden files hold in the same form as Arch, under another name.
func Same(what string) func(read func(what string) []float32) []float32 {
	return func(read func(string) []float32) []float32 { return read(what) }
}

// Run runs the suite. It skips parts that need ggml or a golden file if these are missing. With -short, which the race detector's
// run uses, it leaves out parts that only compute in one goroutine. On the CPU the suite runs with every level of our own kernels that
// the processor has, and without them.
func Run(t *testing.T, s Suite) {
	if !testing.Short() {
		t.Run("oracle", s.oracle)
	}
	lib := ggmltest.Library(t)
	for _, d := range lib.Devices() {
		if d.Type == ggml.Accelerator {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			ggmltest.NoLeaks(t)
			b := bench{Suite: s, lib: lib, device: d, kernels: kernels.Best(), atEnd: t.Cleanup}
			if !testing.Short() {
				t.Run("official numbers", b.official)
				t.Run("reference", b.reference)
				t.Run("types", b.types)
			}
			t.Run("laws", b.laws)
			t.Run("bits", b.bits)
			t.Run("tuned", b.tuned)
			t.Run("placement", b.placement)
			t.Run("observed", b.observed)
		})
		for _, level := range levels(d)[1:] {
			if testing.Short() {
				break // the race detector does not look into kernels
			}
			t.Run(fmt.Sprintf("%s, kernels %s", d.Name, level), func(t *testing.T) {
				ggmltest.NoLeaks(t)
				b := bench{Suite: s, lib: lib, device: d, kernels: level, atEnd: t.Cleanup}
				t.Run("laws", b.laws)
				t.Run("bits", b.bits)
				t.Run("tuned", b.tuned)
				t.Run("observed", b.observed)
			})
		}
	}
}

// levels are those of our own kernels that the suite runs with on a device, the best first. They only matter on the CPU.
func levels(d ggml.Device) []kernels.Level {
	all := []kernels.Level{kernels.Best()}
	for level := kernels.Best() - 1; level >= kernels.None && d.IsHost(); level-- {
		all = append(all, level)
	}
	return all
}

// bench is the suite on one device.
type bench struct {
	Suite
	lib     *ggml.Library
	device  ggml.Device
	kernels kernels.Level // what multiplies on the CPU

	// atEnd closes what is open when all tests of the device have ended. Mesa's software Vulkan driver (22.3) keeps freed
	// buffers, and crashes when it accesses them during the next computation.
	atEnd func(func())
}

// load puts a whole model on the device.
func (b bench) load(t *testing.T, path string) *engine.Model {
	t.Helper()
	all := -1
	return b.loadAs(t, path, engine.Options{GPULayers: &all})
}

// loadEach loads a model with all layers on the device, once for each level of kernels. It skips a level that no matrix of the model uses.
// The parts that compare with references use it, because computing the references takes most of the time.
func (b bench) loadEach(t *testing.T, path string) []*engine.Model {
	t.Helper()
	var models []*engine.Model
	for _, b.kernels = range levels(b.device) {
		m := b.load(t, path)
		if len(models) == 0 || models[len(models)-1].Kernels() != m.Kernels() {
			models = append(models, m)
		}
	}
	return models
}

// loadAs opens a model on the device. It uses one thread, which is faster than several for models this small.
func (b bench) loadAs(t *testing.T, path string, o engine.Options) *engine.Model {
	t.Helper()
	o.Device, o.Threads, o.Kernels = b.device.Name, 1, b.kernels.String()
	m, err := engine.Load(b.lib, path, o)
	require.NoError(t, err)
	b.atEnd(func() { m.Close() })
	return m
}

// session returns a session of a model on the device.
func (b bench) session(t *testing.T, m *engine.Model) *engine.Session {
	t.Helper()
	return b.sessionFrom(t, m, nil)
}

// sessionFrom returns a session whose texts begin with a state.
func (b bench) sessionFrom(t *testing.T, m *engine.Model, begin *engine.Beginning) *engine.Session {
	t.Helper()
	s, err := m.NewSession(engine.SessionOptions{Begin: begin})
	require.NoError(t, err)
	b.atEnd(s.Close)
	return s
}

// Load opens a model and closes it when the test ends.
func Load(t testing.TB, lib *ggml.Library, path string, o engine.Options) *engine.Model {
	t.Helper()
	m, err := engine.Load(lib, path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// NewSession returns a session that is closed when the test ends.
func NewSession(t testing.TB, m *engine.Model) *engine.Session {
	t.Helper()
	s, err := m.NewSession(engine.SessionOptions{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// Random makes a model with random weights and returns the path of its GGUF file.
func Random(t testing.TB, c synth.Config, mix string) string {
	t.Helper()
	if slices.Contains(synth.Hybrids(), c.Version) {
		return hybridOf(t, c, mix)
	}
	return convertModel(t, checkpointOf(t, c), mix)
}

// hybridOf makes a hybrid with random weights and returns the path of its GGUF file.
func hybridOf(t testing.TB, c synth.Config, mix string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "random.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, synth.WriteGGUF(f, c))
	require.NoError(t, f.Close())
	m, err := quant.ParseMix(mix)
	require.NoError(t, err)
	if m.Matrix == gguf.F32 {
		return path
	}
	out := filepath.Join(t.TempDir(), mix+".gguf")
	o := quant.Options{Quantizer: func() (quant.Quantizer, error) { return ggmltest.Library(t), nil }}
	_, err = quant.Quantize(t.Context(), path, out, quant.Retyping{Mix: m}, o)
	require.NoError(t, err)
	return out
}

// checkpointOf makes a checkpoint with random weights and returns its path.
func checkpointOf(t testing.TB, c synth.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "random.pth")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, synth.Write(f, c))
	require.NoError(t, f.Close())
	return path
}

// describe returns a file's dimensions. It fails the test if the architecture is not the named one.
func describe(t testing.TB, file *gguf.File, name string) rwkv.Config {
	t.Helper()
	arch, c, err := archs.Describe(file)
	require.NoError(t, err)
	require.Equal(t, name, arch.Name)
	return c
}

// sized returns a random model of the version with the sizes of c.
func (s Suite) sized(c synth.Config) synth.Config {
	r := s.Random
	r.Layers, r.Embed, r.FFN, r.HeadSize, r.Vocab, r.Seed = c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab, c.Seed
	return r
}

// convertModel converts a checkpoint to GGUF and returns the path.
func convertModel(t testing.TB, checkpoint, mix string) string {
	t.Helper()
	return ConvertAs(t, checkpoint, mix, convert.Options{})
}

// ConvertAs converts a checkpoint to a mix with further options. It returns the path of the GGUF file.
func ConvertAs(t testing.TB, checkpoint, mix string, o convert.Options) string {
	t.Helper()
	m, err := quant.ParseMix(mix)
	require.NoError(t, err)
	o.Mix = m
	o.Write.Quantizer = func() (quant.Quantizer, error) { return ggmltest.Library(t), nil }
	path := filepath.Join(t.TempDir(), mix+".gguf")
	_, err = convert.Run(t.Context(), checkpoint, path, o)
	require.NoError(t, err)
	return path
}

// Weights returns a function that reads a model's tensors by name.
func Weights(t testing.TB, lib *ggml.Library, path string) rwkv.RefWeights {
	t.Helper()
	file, err := gguf.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return func(name string) (rwkv.RefTensor, bool) {
		tensor, ok := file.Tensor(name)
		if !ok {
			return rwkv.RefTensor{}, false
		}
		x := make([]float32, tensor.Elements())
		require.NoError(t, lib.Dequantize(tensor.Type, x, file.Data(tensor)))
		return rwkv.RefTensor{Data: x}, true
	}
}

// Logits reads tokens in chunks and returns the logits after each token. chunk 0 chooses the length.
func Logits(t testing.TB, s *engine.Session, tokens []int32, chunk int) [][]float32 {
	t.Helper()
	var all [][]float32
	err := s.Logits(t.Context(), Tokens(tokens), chunk, func(position int, logits []float32) error {
		require.Len(t, all, position)
		all = append(all, append([]float32(nil), logits...))
		return nil
	})
	require.NoError(t, err)
	require.Len(t, all, len(tokens))
	return all
}

// Tokens converts numbers to tokens.
func Tokens(ids []int32) []tokenizer.Token {
	tokens := make([]tokenizer.Token, len(ids))
	for i, id := range ids {
		tokens[i] = tokenizer.Token(id)
	}
	return tokens
}
