package writers

import (
	"slices"
	"strings"
	"testing"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// swappedByWebRWKV are parts of the names of tensors that web-rwkv's converter transposes.
var swappedByWebRWKV = []string{
	"time_mix_w1", "time_mix_w2", "time_decay_w1", "time_decay_w2", "w1", "w2", "a1", "a2", "g1", "g2", "v1", "v2", "time_state", "lora.0",
}

// WebRWKV returns a model, a state or an adapter as web-rwkv's converter writes it (assets/scripts/convert_safetensors.py): all
// F16, and with version 5.1's number per head repeated for every channel.
func WebRWKV(t testing.TB, f File) File {
	t.Helper()
	gated := slices.ContainsFunc(f, func(t Tensor) bool { return strings.HasSuffix(t.Name, "gate.weight") })
	var all File
	for _, tensor := range f.As(t, checkpoint.F16) {
		perHead := strings.Contains(tensor.Name, "time_decay") || strings.Contains(tensor.Name, "time_faaaa")
		if gated && perHead && len(tensor.Shape) == 1 {
			tensor = tensor.spread(channels(f) / tensor.Shape[0])
		}
		for _, word := range [][2]string{{"time_faaaa", "time_first"}, {"time_maa", "time_mix"}, {"lora_A", "lora.0"}, {"lora_B", "lora.1"}} {
			tensor.Name = strings.ReplaceAll(tensor.Name, word[0], word[1])
		}
		if slices.ContainsFunc(swappedByWebRWKV, func(part string) bool { return strings.Contains(tensor.Name, part) }) {
			tensor = tensor.transposed()
		}
		all = append(all, tensor)
	}
	return all
}

// channels returns the model's width.
func channels(f File) int64 {
	for _, t := range f {
		if t.Name == "emb.weight" {
			return t.Shape[1]
		}
	}
	return 0
}

// spread repeats each number of a [heads] tensor, and returns [heads, n].
func (t Tensor) spread(n int64) Tensor {
	size := int(t.DType.Size())
	var data []byte
	for at := 0; at < len(t.Data); at += size {
		for range n {
			data = append(data, t.Data[at:at+size]...)
		}
	}
	t.Data = data
	return t.shaped(t.Name, t.Shape[0], n)
}
