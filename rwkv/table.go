package rwkv

import (
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/internal/shape"
)

// Table is the list of an architecture's tensors while it is built, in the order of a GGUF file.
type Table []TensorSpec

// Add adds a tensor whose elements are copied in order: PyTorch's matrix [out, in] has the same bytes as {in, out}. It returns
// the new row, so that the caller can add to it. The row is valid until the next one is added.
func (t *Table) Add(name string, class Class, dims []int64, from string) *TensorSpec {
	reversed := slices.Clone(dims)
	slices.Reverse(reversed)
	*t = append(*t, TensorSpec{Name: name, Class: class, Shape: dims, From: []string{from}, FromShape: shape.Squeeze(reversed...)})
	return &(*t)[len(*t)-1]
}

// Vector adds an F32 tensor of one dimension.
func (t *Table) Vector(name string, elements int64, from string) *TensorSpec {
	return t.Add(name, Vector, []int64{elements}, from)
}

// Norm adds the weight and bias of a norm.
func (t *Table) Norm(name string, channels int64, from string) {
	t.Vector(name+".weight", channels, from+".weight")
	t.Vector(name+".bias", channels, from+".bias")
}

// Transposed adds a matrix that the checkpoint keeps as [in, out], unlike its other matrices.
func (t *Table) Transposed(name string, class Class, in, out int64, from string) {
	*t = append(*t, TensorSpec{
		Name: name, Class: class, Shape: []int64{in, out}, From: []string{from}, FromShape: shape.Squeeze(in, out),
		Make: func(dst []float32, src [][]float32) { transpose(dst, src[0], in, out) },
	})
}

// TransposedEach adds n matrices that the checkpoint keeps as [n, in, out].
func (t *Table) TransposedEach(name string, class Class, in, out, n int64, from string) {
	*t = append(*t, TensorSpec{
		Name: name, Class: class, Shape: []int64{in, out, n}, From: []string{from}, FromShape: shape.Squeeze(n, in, out),
		Make: func(dst []float32, src [][]float32) {
			for i := range n {
				transpose(dst[i*in*out:][:in*out], src[0][i*in*out:], in, out)
			}
		},
	})
}

// TunedState is the name of a layer's tensor without "blk.N.". In a GGUF file this tensor holds the wkv state that texts begin
// with.
const TunedState = "time_mix_state.weight"

// Tuned adds the wkv state of a layer that texts begin with, if the model has one. It has one matrix per head, in the order of
// the recurrence. State tuning writes [heads, value, key]. swapped turns that into [heads, key, value].
func (t *Table) Tuned(c Config, layer int, swapped bool) {
	if !c.Tuned {
		return
	}
	name, from := LayerName(layer, TunedState), fmt.Sprintf("blocks.%d.att.time_state", layer)
	size, heads := int64(c.HeadSize), int64(c.Heads())
	if swapped {
		t.TransposedEach(name, Tuned, size, size, heads, from)
	} else {
		t.Add(name, Tuned, []int64{size, size, heads}, from)
	}
}

// transpose copies [in, out] to {in, out}.
func transpose(dst, src []float32, in, out int64) {
	for o := range out {
		for i := range in {
			dst[o*in+i] = src[i*out+o]
		}
	}
}

// Stack adds vectors one after another as {channels, 1, 1, n}.
func (t *Table) Stack(name string, channels int64, from ...string) {
	*t = append(*t, TensorSpec{
		Name: name, Class: Vector, Shape: []int64{channels, 1, 1, int64(len(from))}, From: from, FromShape: shape.Squeeze(channels),
		Make: func(dst []float32, src [][]float32) {
			for i, x := range src {
				copy(dst[int64(i)*channels:], x)
			}
		},
	})
}

// ChannelMix adds the channel mix of versions 4 to 6, [channels, channel mix width]. The checkpoint names the vectors of the
// token shift lerp followed by k and r. prepare prepares them for graphs and may be nil.
func (t *Table) ChannelMix(c Config, layer int, lerp string, prepare func(x []float32)) {
	channels, ffn, from := int64(c.Embed), int64(c.FFN), fmt.Sprintf("blocks.%d.ffn.", layer)
	name := func(name string) string { return LayerName(layer, name+".weight") }
	t.Vector(name(ChannelMixLerpK), channels, from+lerp+"k").Prepare = prepare
	t.Vector(name(ChannelMixLerpR), channels, from+lerp+"r").Prepare = prepare
	t.Add(name(ChannelMixKey), Matrix, []int64{channels, ffn}, from+"key.weight")
	t.Add(name(ChannelMixReceptance), Matrix, []int64{channels, channels}, from+"receptance.weight")
	t.Add(name(ChannelMixValue), Matrix, []int64{ffn, channels}, from+"value.weight")
}

// NewTable returns the table of a version: embedding, norms, head, and what layer adds for each layer. layer puts to before GGUF
// names, and from before the checkpoint's names.
func NewTable(c Config, layer func(t *Table, i int, to, from string)) []TensorSpec {
	var t Table
	channels, vocab := int64(c.Embed), int64(c.Vocab)
	t.Add(TokenEmbd, Embedding, []int64{channels, vocab}, "emb.weight")
	t.Norm(TokenEmbdNorm, channels, "blocks.0.ln0")
	for i := range c.Layers {
		to, from := LayerName(i, ""), fmt.Sprintf("blocks.%d.", i)
		t.Norm(to+AttnNorm, channels, from+"ln1")
		t.Norm(to+AttnNorm2, channels, from+"ln2")
		layer(&t, i, to, from)
	}
	t.Norm(OutputNorm, channels, "ln_out")
	t.Add(Output, Head, []int64{channels, vocab}, "head.weight")
	return t
}

// HybridTable returns the table of a hybrid: the frame of a Qwen transformer around the time mixes that timeMix adds. It names no
// sources, because checkpoints of hybrids are not converted.
func HybridTable(c Config, timeMix func(t *Table, c Config, layer int)) []TensorSpec {
	var t Table
	channels, ffn, vocab := int64(c.Embed), int64(c.FFN), int64(c.Vocab)
	t.Add(TokenEmbd, Embedding, []int64{channels, vocab}, "")
	for i := range c.Layers {
		name := func(name string) string { return LayerName(i, name+".weight") }
		t.Vector(name(AttnNorm), channels, "")
		timeMix(&t, c, i)
		t.Vector(name(FFNNorm), channels, "")
		t.Add(name(FFNGate), Matrix, []int64{channels, ffn}, "")
		t.Add(name(FFNUp), Matrix, []int64{channels, ffn}, "")
		t.Add(name(FFNDown), Matrix, []int64{ffn, channels}, "")
	}
	t.Vector(OutputNorm+".weight", channels, "")
	t.Add(Output, Head, []int64{channels, vocab}, "")
	for i := range t {
		t[i].From, t[i].FromShape, t[i].Make = nil, nil, nil
	}
	return t
}
