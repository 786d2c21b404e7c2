package rwkv

import (
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Defaults of what a file may leave out.
const (
	NormEps      = 1e-5    // of the layer norms
	GroupNormEps = 64e-5   // of the norm over each head's output, for every head size
	contextLimit = 1 << 20 // what llama.cpp's converter writes; RWKV has no limit
)

// Bounds of dimensions. They keep sizes computed from dimensions from overflowing.
const (
	maxLayers, maxEmbed, maxFFN, maxHeadSize, maxVocab, maxRank = 1 << 10, 1 << 17, 1 << 20, 1 << 10, 1 << 22, 1 << 16
)

// NewConfig returns a Config with only the defaults.
func NewConfig(arch string) Config {
	return Config{Arch: arch, NormEps: NormEps, GroupNormEps: GroupNormEps}
}

// ShapeDim says which number of a Config a dimension of a checkpoint's matrix is. Dimension 0 is the slower one.
type ShapeDim struct {
	Tensor string
	Dim    int
	To     *int
}

// ReadShapes reads the dimensions of c from a checkpoint's tensors: those that all versions share, and the given ones.
func ReadShapes(c *Config, shapes Shapes, dims ...ShapeDim) error {
	common := []ShapeDim{{"emb.weight", 0, &c.Vocab}, {"emb.weight", 1, &c.Embed}, {"blocks.0.ffn.key.weight", 0, &c.FFN}}
	for _, d := range append(common, dims...) {
		shape, ok := shapes(d.Tensor)
		if !ok {
			return fmt.Errorf("tensor %q is missing", d.Tensor)
		}
		for len(shape) > 2 && shape[0] == 1 {
			shape = shape[1:]
		}
		if len(shape) != 2 || shape[d.Dim] < 1 || shape[d.Dim] > math.MaxInt32 {
			return fmt.Errorf("tensor %q is %v, want a matrix", d.Tensor, shape)
		}
		*d.To = int(shape[d.Dim])
	}
	_, c.Tuned = shapes("blocks.0.att.time_state")
	for ; ; c.Layers++ {
		if _, ok := shapes(fmt.Sprintf("blocks.%d.ln1.weight", c.Layers)); !ok {
			return nil
		}
	}
}

// KeyDim says which number of a Config a GGUF key holds. Key lacks the architecture's prefix.
type KeyDim struct {
	Key      string
	To       *int
	Optional bool
}

// ReadKeys reads the dimensions of c from a GGUF file's keys: those that all versions share, and the given ones. The vocabulary
// is the number of rows of the embedding.
func ReadKeys(c *Config, m Metadata, tensors Shapes, dims ...KeyDim) error {
	if err := readDims(c, m, tensors, dims...); err != nil {
		return err
	}
	_, c.Tuned = tensors(LayerName(0, TunedState))
	if shift, ok := m.whole("token_shift_count"); ok && shift != 2 {
		return fmt.Errorf("key %q is %d, want 2", c.Arch+".token_shift_count", shift)
	}
	if err := readEpsilon(c, m, "attention.group_norm_epsilon", &c.GroupNormEps); err != nil {
		return err
	}
	return readEpsilon(c, m, "attention.layer_norm_epsilon", &c.NormEps)
}

// ReadHybridKeys does the same as ReadKeys for the files of hybrids. They have one token shift per layer and an RMS norm.
func ReadHybridKeys(c *Config, m Metadata, tensors Shapes, dims ...KeyDim) error {
	shift, norm := 0, "attention.layer_norm_rms_epsilon"
	if err := readDims(c, m, tensors, append(dims, KeyDim{"token_shift_count", &shift, false})...); err != nil {
		return err
	}
	if shift != 1 {
		return fmt.Errorf("key %q is %d, want 1", c.Arch+".token_shift_count", shift)
	}
	if _, ok := m(norm); !ok {
		return fmt.Errorf("key %q is missing", c.Arch+"."+norm)
	}
	return readEpsilon(c, m, norm, &c.NormEps)
}

func readDims(c *Config, m Metadata, tensors Shapes, dims ...KeyDim) error {
	embedding, ok := tensors(TokenEmbd)
	if !ok || len(embedding) != 2 || embedding[1] > maxVocab {
		return fmt.Errorf("no matrix %q of at most %d rows", TokenEmbd, maxVocab)
	}
	c.Vocab = int(embedding[1])
	common := []KeyDim{
		{"block_count", &c.Layers, false}, {"embedding_length", &c.Embed, false}, {"feed_forward_length", &c.FFN, false},
		{"wkv.head_size", &c.HeadSize, false}, {"context_length", &c.Context, true},
	}
	for _, d := range append(common, dims...) {
		v, ok := m.whole(d.Key)
		if _, there := m(d.Key); !ok && (there || !d.Optional) {
			return fmt.Errorf("key %q is missing or not a whole number", c.Arch+"."+d.Key)
		}
		if v > math.MaxInt32 {
			return fmt.Errorf("key %q is %d, out of bounds", c.Arch+"."+d.Key, v)
		}
		*d.To = int(v)
	}
	return nil
}

// readEpsilon reads the epsilon of a norm, if the file has it.
func readEpsilon(c *Config, m Metadata, key string, to *float32) error {
	v, ok := m(key)
	if !ok {
		return nil
	}
	eps, ok := v.(float32)
	if !ok || !(eps > 0 && eps < 1) {
		return fmt.Errorf("key %q is %s, want a small positive float32", c.Arch+"."+key, excerpt.Of(v))
	}
	*to = eps
	return nil
}

// Rank is the width of a low-rank pair and its name in messages.
type Rank struct {
	Name  string
	Value int
}

// Check returns an error for dimensions that are out of bounds or do not fit together.
func (c Config) Check(ranks ...Rank) error {
	type bound struct {
		name       string
		value, max int
	}
	bounds := []bound{
		{"layers", c.Layers, maxLayers}, {"channels", c.Embed, maxEmbed}, {"channel mix width", c.FFN, maxFFN},
		{"head size", c.HeadSize, maxHeadSize}, {"vocabulary", c.Vocab, maxVocab},
	}
	for _, r := range ranks {
		bounds = append(bounds, bound{r.Name, r.Value, maxRank})
	}
	for _, b := range bounds {
		if b.value < 1 || b.value > b.max {
			return fmt.Errorf("%s: %d, want 1 to %d", b.name, b.value, b.max)
		}
	}
	if c.Embed%c.HeadSize != 0 {
		return fmt.Errorf("%d channels cannot be cut into heads of %d", c.Embed, c.HeadSize)
	}
	return nil
}

// KeysWith returns the metadata that all versions share, in llama.cpp's form, with the given keys. These lack the architecture's
// prefix.
func (c Config) KeysWith(more ...gguf.KV) []gguf.KV {
	return c.keys(gguf.KV{Key: "attention.layer_norm_epsilon", Value: c.NormEps}, more)
}

// HybridKeysWith does the same as KeysWith for hybrids.
func (c Config) HybridKeysWith(more ...gguf.KV) []gguf.KV {
	return c.keys(gguf.KV{Key: "attention.layer_norm_rms_epsilon", Value: c.NormEps}, append([]gguf.KV{{Key: "token_shift_count", Value: uint32(1)}}, more...))
}

func (c Config) keys(epsilon gguf.KV, more []gguf.KV) []gguf.KV {
	context := uint32(contextLimit)
	if c.Context > 0 {
		context = uint32(c.Context)
	}
	keys := append([]gguf.KV{
		{Key: "context_length", Value: context},
		{Key: "embedding_length", Value: uint32(c.Embed)},
		{Key: "block_count", Value: uint32(c.Layers)},
		{Key: "feed_forward_length", Value: uint32(c.FFN)},
		epsilon,
		{Key: "attention.head_count", Value: uint32(0)},
		{Key: "wkv.head_size", Value: uint32(c.HeadSize)},
	}, more...)
	for i := range keys {
		keys[i].Key = c.Arch + "." + keys[i].Key
	}
	return keys
}

// GroupNormKey returns the key of the group norm's epsilon, or nil if the epsilon is the usual one. llama.cpp knows only the usual one.
func (c Config) GroupNormKey() []gguf.KV {
	if c.GroupNormEps == GroupNormEps {
		return nil
	}
	return []gguf.KV{{Key: "attention.group_norm_epsilon", Value: c.GroupNormEps}}
}
