package rwkv

import (
	"fmt"
	"strconv"
	"strings"
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
