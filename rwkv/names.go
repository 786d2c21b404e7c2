package rwkv

import (
	"fmt"
	"strconv"
	"strings"
)

// The tensors outside the layers, by their GGUF names. A norm has a weight and, but for hybrids, a bias.
const (
	TokenEmbd     = "token_embd.weight"
	TokenEmbdNorm = "token_embd_norm" // a norm
	OutputNorm    = "output_norm"     // a norm
	Output        = "output.weight"
)

// The tensors of a layer that versions share, by their GGUF names without "blk.N." and ".weight".
const (
	AttnNorm  = "attn_norm"   // the norm before the time mix
	AttnNorm2 = "attn_norm_2" // the norm before the channel mix

	ChannelMixLerpK      = "channel_mix_lerp_k"
	ChannelMixLerpR      = "channel_mix_lerp_r" // versions 4 to 6
	ChannelMixKey        = "channel_mix_key"
	ChannelMixReceptance = "channel_mix_receptance" // versions 4 to 6
	ChannelMixValue      = "channel_mix_value"

	// Of hybrids.
	FFNNorm = "ffn_norm"
	FFNGate = "ffn_gate"
	FFNUp   = "ffn_up"
	FFNDown = "ffn_down"
)

// LayerName is the GGUF name of a layer's tensor: of "time_mix_key.weight" in layer 3 it is "blk.3.time_mix_key.weight".
func LayerName(layer int, name string) string { return fmt.Sprintf("blk.%d.%s", layer, name) }

// SplitName takes the layer off the GGUF name of a tensor. The layer is -1 where the name has none, which is then returned whole.
func SplitName(name string) (layer int, rest string) {
	if after, ok := strings.CutPrefix(name, "blk."); ok {
		number, rest, ok := strings.Cut(after, ".")
		if n, err := strconv.ParseUint(number, 10, 31); ok && err == nil {
			return int(n), rest
		}
	}
	return -1, name
}

// KindOf is a tensor's GGUF name without its layer and ending: "blk.3.time_mix_key.weight" is "time_mix_key".
func KindOf(name string) string {
	_, name = SplitName(name)
	return strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias")
}
