package quant_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	"github.com/gosling-rwkv/gosling/rwkv/v5"
	"github.com/gosling-rwkv/gosling/rwkv/v6"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

// models are a Config for each architecture, whose channels are the test's.
var models = map[string]rwkv.Config{
	"rwkv7":      {Own: v7.Dims{DecayRank: 64, RateRank: 64, ValueRank: 40, GateRank: 128}},
	"rwkv6":      {Own: v6.Dims{DecayRank: 64, MixRank: 40}},
	"rwkv5":      {Own: v5.Dims{Gated: true}},
	"rwkv4":      {},
	"arwkv7":     {Own: v7.Dims{DecayRank: 64, RateRank: 64, ValueRank: 40, GateRank: 128}},
	"rwkv6qwen2": {Own: v6.Dims{DecayRank: 64, MixRank: 40, KVHeads: 1, Biases: true}},
}

// TestTypeOfEveryTensor holds the mixes to lists: once for channels that are a multiple of every block, once for others, whose
// value residual has rows that fit no block at all. llama.cpp's quantizer was compared with those that it knows when they were
// made: it does the same, but for the K_M mixes of hybrids, where it keeps ffn_down of some layers in larger types.
func TestTypeOfEveryTensor(t *testing.T) {
	require.Len(t, models, len(archs.All()))
	for _, arch := range archs.All() {
		t.Run(arch.Name, func(t *testing.T) {
			require.Contains(t, models, arch.Name)
			golden.Text(t, filepath.Join("testdata", arch.Name+".types"), typesOf(arch, models[arch.Name]))
		})
	}
}

// typesOf lists the types that each mix gives.
func typesOf(arch rwkv.Arch, c rwkv.Config) string {
	var text strings.Builder
	for _, mix := range quant.Mixes() {
		for _, channels := range []int{512, 320} {
			c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab = 2, channels, 4*channels, 64, 512
			fmt.Fprintf(&text, "%s, %d channels\n", mix.Name, channels)
			types, kinds := kindsByType(mix, arch.Tensors(c))
			for _, typ := range types {
				fmt.Fprintf(&text, "  %-8s%s\n", typ, strings.Join(kinds[typ], " "))
			}
		}
	}
	return text.String()
}

// kindsByType sorts the tensors of a model's second layer, and those outside of layers, by the type that a mix gives them.
func kindsByType(mix quant.Mix, specs []rwkv.TensorSpec) (types []gguf.Type, kinds map[gguf.Type][]string) {
	kinds = map[gguf.Type][]string{}
	for _, spec := range specs {
		if strings.HasPrefix(spec.Name, "blk.0.") || strings.HasSuffix(spec.Name, ".bias") {
			continue
		}
		typ := mix.Type(spec)
		if !slices.Contains(types, typ) {
			types = append(types, typ)
		}
		kinds[typ] = append(kinds[typ], rwkv.KindOf(spec.Name))
	}
	return types, kinds
}
