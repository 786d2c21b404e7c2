package rwkv

import (
	"fmt"
	"strconv"
	"strings"
)

// The GGUF names of the tensors outside the layers. A norm has a weight and, except in hybrids, a bias.
const (
	TokenEmbd     = "token_embd.weight"
	TokenEmbdNorm = "token_embd_norm" // a norm
	OutputNorm    = "output_norm"     // a norm
	Output        = "output.weight"
)

// The GGUF names of a layer's tensors that versions share, without "blk.N." and ".weight".
const (
	AttnNorm  = "attn_norm"   // the norm before the time mix
	AttnNorm2 = "attn_norm_2" // the norm before the channel mix

	ChannelMixLerpK      = "channel_mix_lerp_k"
	ChannelMixLerpR      = "channel_mix_lerp_r" // versions 4 to 6
	ChannelMixKey        = "channel_mix_key"
	ChannelMixReceptance = "channel_mix_receptance" // versions 4 to 6
	ChannelMixValue      = "channel_mix_value"

	// Only in hybrids.
	FFNNorm = "ffn_norm"
	FFNGate = "ffn_gate"
	FFNUp   = "ffn_up"
	FFNDown = "ffn_down"
)

// LayerName returns the GGUF name of a layer's tensor, such as "blk.3.time_mix_key.weight" for "time_mix_key.weight" in layer 3.
func LayerName(layer int, name string) string { return fmt.Sprintf("blk.%d.%s", layer, name) }

// SplitName splits the GGUF name of a tensor into its layer and the rest. If the name has no layer, the layer is -1 and the rest
// is the whole name.
func SplitName(name string) (layer int, rest string) {
	if after, ok := strings.CutPrefix(name, "blk."); ok {
		number, rest, ok := strings.Cut(after, ".")
		if n, err := strconv.ParseUint(number, 10, 31); ok && err == nil {
			return int(n), rest
		}
	}
	return -1, name
}

// KindOf returns a tensor's GGUF name without its layer and ending, such as "time_mix_key" for "blk.3.time_mix_key.weight".
func KindOf(name string) string {
	_, name = SplitName(name)
	return strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias")
}
