package quant_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gosling/gguf"
	"gosling/quant"
	"gosling/rwkv"
	"gosling/rwkv/v7"
)

var update = flag.Bool("update", false, "rewrite testdata/rwkv7.types")

// TestTypeOfEveryTensor holds the mixes to a list, which llama.cpp's quantizer was compared with when it was made: once for
// channels that are a multiple of every block, once for others, whose value residual has rows that fit no block at all.
func TestTypeOfEveryTensor(t *testing.T) {
	const golden = "testdata/rwkv7.types"
	var text strings.Builder
	for _, mix := range quant.Mixes() {
		for _, channels := range []int{512, 320} {
			fmt.Fprintf(&text, "%s, %d channels\n", mix.Name, channels)
			types, kinds := kindsByType(mix, channels)
			for _, typ := range types {
				fmt.Fprintf(&text, "  %-8s%s\n", typ, strings.Join(kinds[typ], " "))
			}
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(text.String()), 0o666))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), text.String())
}

// kindsByType sorts the tensors of a model's second layer, and those outside of layers, by the type that a mix gives them.
func kindsByType(mix quant.Mix, channels int) (types []gguf.Type, kinds map[gguf.Type][]string) {
	kinds = map[gguf.Type][]string{}
	for _, spec := range v7.Tensors(rwkv.Config{
		Layers: 2, Embed: channels, FFN: 4 * channels, HeadSize: 64, Vocab: 512, DecayRank: 64, RateRank: 64, ValueRank: 40, GateRank: 128,
	}) {
		if strings.HasPrefix(spec.Name, "blk.0.") || strings.HasSuffix(spec.Name, ".bias") {
			continue
		}
		typ := mix.Type(spec.Class, spec.Shape[0])
		if !slices.Contains(types, typ) {
			types = append(types, typ)
		}
		kinds[typ] = append(kinds[typ], quant.KindOf(spec.Name))
	}
	return types, kinds
}
