package synth

import (
	"fmt"
	"io"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// WriteGGUF writes a hybrid to w as a GGUF file in F32 without a vocabulary.
func WriteGGUF(w io.WriterAt, c Config) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	if _, ok := hybrids[c.Version]; !ok {
		return fmt.Errorf("version %q has checkpoints", c.Version)
	}
	tensors := c.tensors()
	header := gguf.Header{Keys: c.hybridKeys()}
	for _, t := range tensors {
		shape := slices.Clone(t.shape)
		slices.Reverse(shape)
		for len(shape) > 1 && shape[len(shape)-1] == 1 {
			shape = shape[:len(shape)-1]
		}
		header.Tensors = append(header.Tensors, gguf.Tensor{Name: t.name, Type: gguf.F32, Shape: shape})
	}
	out, err := gguf.NewWriter(w, header)
	if err != nil {
		return err
	}
	d := newDrawer(tensors, c.Seed)
	defer close(d.done)
	for i := range tensors {
		if err := d.write(i, &widener{out: out, tensor: i}); err != nil {
			return err
		}
	}
	return out.Close()
}

// widener writes a tensor's BF16 numbers as F32.
type widener struct {
	out    *gguf.Writer
	tensor int
	at     int64
}

func (w *widener) Write(p []byte) (int, error) {
	x, wide := make([]float32, len(p)/2), make([]byte, 2*len(p))
	float.DecodeBF16(x, p)
	float.EncodeF32(wide, x)
	err := w.out.WriteAt(w.tensor, wide, w.at)
	w.at += int64(len(wide))
	return len(p), err
}

// hybridKeys returns the metadata as llama.cpp's converter writes it.
func (c Config) hybridKeys() []gguf.KV {
	arch := []gguf.KV{
		{Key: "context_length", Value: uint32(1 << 20)},
		{Key: "embedding_length", Value: uint32(c.Embed)},
		{Key: "block_count", Value: uint32(c.Layers)},
		{Key: "attention.layer_norm_rms_epsilon", Value: float32(1e-6)},
		{Key: "wkv.head_size", Value: uint32(c.HeadSize)},
		{Key: "feed_forward_length", Value: uint32(c.FFN)},
		{Key: "token_shift_count", Value: uint32(1)},
		{Key: "attention.head_count", Value: uint32(0)},
		{Key: "vocab_size", Value: uint32(c.Vocab)},
	}
	if c.Version == "arwkv7" {
		gate := c.Ranks.Gate
		if c.NoGate {
			gate = 0
		}
		arch = append(arch,
			gguf.KV{Key: "attention.decay_lora_rank", Value: uint32(c.Ranks.Decay)},
			gguf.KV{Key: "attention.iclr_lora_rank", Value: uint32(c.Ranks.Rate)},
			gguf.KV{Key: "attention.value_residual_mix_lora_rank", Value: uint32(c.Ranks.Value)},
			gguf.KV{Key: "attention.gate_lora_rank", Value: uint32(gate)})
	} else {
		arch = append(arch,
			gguf.KV{Key: "time_mix_extra_dim", Value: uint32(c.Ranks.Mix)},
			gguf.KV{Key: "time_decay_extra_dim", Value: uint32(c.Ranks.Decay)},
			gguf.KV{Key: "attention.head_count_kv", Value: uint32(c.KVHeads)})
	}
	keys := []gguf.KV{
		{Key: "general.architecture", Value: c.Version},
		{Key: "general.name", Value: "Synth"},
		{Key: "general.file_type", Value: uint32(0)},
		{Key: "tokenizer.ggml.model", Value: "none"},
	}
	for _, kv := range arch {
		keys = append(keys, gguf.KV{Key: c.Version + "." + kv.Key, Value: kv.Value})
	}
	return keys
}
