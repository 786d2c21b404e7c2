package convert_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/writers"
)

// adapterFor is an adapter of a random checkpoint: pairs, tensors of its own that a writer lays out in another way, and a state.
func adapterFor(t *testing.T, version string) writers.File {
	t.Helper()
	shapes := map[string][]int64{
		"blocks.0.att.key.lora_A": {4, 64}, "blocks.0.att.key.lora_B": {64, 4}, "blocks.1.ffn.value.lora_A": {4, 224}, "blocks.1.ffn.value.lora_B": {64, 4},
		"blocks.1.ln1.weight": {64}, "head.lora_A": {4, 64}, "head.lora_B": {61, 4},
	}
	model := random(t, version)
	for name := range shapes {
		if strings.HasPrefix(name, "blocks.1.ffn.value.lora_A") {
			shapes[name] = []int64{4, model.Tensor(t, "blocks.0.ffn.key.weight").Shape[0]}
		}
	}
	for _, name := range map[string][]string{
		"4": {"time_first", "time_mix_k"}, "5.2": {"time_faaaa", "time_decay", "time_mix_g"}, "7": {"w1", "w2", "g1", "v2", "x_r"},
		"6": {"time_faaaa", "time_maa_x", "time_maa_w", "time_maa_w1", "time_maa_w2", "time_decay_w1", "time_decay_w2"},
	}[version] {
		name = "blocks.1.att." + name
		shapes[name] = model.Tensor(t, name).Shape
	}
	if version != "4" {
		shapes["blocks.0.att.time_state"], shapes["blocks.1.att.time_state"] = []int64{4, 16, 16}, []int64{4, 16, 16}
	}
	return drawn(t, shapes)
}

// An adapter gives the same model, whoever wrote it and whoever wrote the model.
func TestAdaptersOfEveryWriterGiveTheSameModel(t *testing.T) {
	for _, version := range []string{"4", "5.2", "6", "7"} {
		model, lora := random(t, version), adapterFor(t, version)
		adapters := map[string]string{"a trainer's": saved(t, lora, "lora.pth", ""), "web-rwkv's": saved(t, writers.WebRWKV(t, lora), "lora.st", "")}
		bases := map[string]string{"the authors'": saved(t, model, "m.pth", ""), "web-rwkv's": saved(t, writers.WebRWKV(t, model), "m.st", "")}
		if version != "7" {
			bases["transformers'"] = saved(t, writers.Transformers(model), "hf/", `{"head_size_divisor": 8}`)
		} else {
			bases["flash-linear-attention's"] = saved(t, fla7(model), "fla/", `{"norm_eps": 4e-5}`)
		}
		merged := func(base, adapter string) *gguf.File {
			o := options(t, "F32")
			o.Adapters = []convert.Adapter{{Path: adapter, Alpha: 8}}
			return converted(t, base, o)
		}
		want := merged(bases["the authors'"], adapters["a trainer's"])
		key, _ := want.Tensor("blk.0.time_mix_key.weight")
		plain := converted(t, bases["the authors'"], options(t, "F32"))
		was, _ := plain.Tensor("blk.0.time_mix_key.weight")
		require.False(t, bytes.Equal(plain.Data(was), want.Data(key)))
		for from, base := range bases {
			for by, adapter := range adapters {
				t.Run(fmt.Sprintf("version %s, %s adapter, %s model", version, by, from), func(t *testing.T) { sameModel(t, want, merged(base, adapter)) })
			}
		}
	}
}

// A state in an adapter lies as the adapter's writer lays it, so what the user says of it is held to that.
func TestAnAdaptersStateLiesAsInTheAdaptersFile(t *testing.T) {
	model, lora := random(t, "7"), adapterFor(t, "7")
	for base, in := range map[string]string{"the authors' model": saved(t, model, "m.pth", ""), "web-rwkv's model": saved(t, writers.WebRWKV(t, model), "m.st", "")} {
		merged := func(adapter string, transposed *bool) *gguf.File {
			o := options(t, "F32")
			o.Adapters, o.State.Transposed = []convert.Adapter{{Path: adapter, Alpha: 8}}, transposed
			return converted(t, in, o)
		}
		trainers, web := saved(t, lora, "lora.pth", ""), saved(t, writers.WebRWKV(t, lora), "lora.st", "")
		want := merged(trainers, nil)
		t.Run(base, func(t *testing.T) {
			sameModel(t, want, merged(trainers, new(false)))
			sameModel(t, want, merged(web, new(true)))
			sameModel(t, merged(trainers, new(true)), merged(web, new(false)))
		})
	}
}

// Names of Hugging Face in an adapter of PEFT are those of the model's folder, whose layout its matrices have.
func TestAdaptersOfPEFTHaveTheLayoutOfTheirModel(t *testing.T) {
	model := random(t, "7")
	rank := model.Tensor(t, "blocks.1.att.w1").Shape[1]
	pairs := drawn(t, map[string][]int64{"key.A": {4, 64}, "key.B": {64, 4}, "w1.A": {4, 64}, "w1.B": {rank, 4}})
	named := func(names map[string]string) writers.File {
		var all writers.File
		for _, t := range pairs {
			if name, ok := names[t.Name]; ok {
				t.Name = name
				all = append(all, t)
			}
		}
		return all
	}
	const fla = "base_model.model.model.layers.1.attn."
	peft := saved(t, named(map[string]string{
		"key.A": fla + "k_proj.lora_A.weight", "key.B": fla + "k_proj.lora_B.weight",
		"w1.A": fla + "w_lora.lora.0.lora_A.weight", "w1.B": fla + "w_lora.lora.0.lora_B.weight",
	}), "peft.safetensors", "")
	o := options(t, "F32")
	o.Adapters = []convert.Adapter{{Path: peft, Alpha: 4}}
	in := saved(t, fla7(model), "fla/", `{"norm_eps": 4e-5}`)
	got := converted(t, in, o)
	plain := converted(t, in, options(t, "F32"))
	o.Adapters[0].Path = saved(t, named(map[string]string{"key.A": "blocks.1.att.key.lora_A", "key.B": "blocks.1.att.key.lora_B"}), "lora.pth", "")
	want := converted(t, in, o)
	floats := func(f *gguf.File, name string) []float32 {
		tensor, _ := f.Tensor(name)
		x := make([]float32, tensor.Elements())
		float.DecodeF32(x, f.Data(tensor))
		return x
	}
	assert.Equal(t, floats(want, "blk.1.time_mix_key.weight"), floats(got, "blk.1.time_mix_key.weight"))
	sum := floats(plain, "blk.1.time_mix_w1.weight") // [channels, rank], the channels being the faster
	half := func(name string) []float32 {
		x := make([]float32, 4*64)
		tensor := pairs.Tensor(t, name)
		x = x[:len(tensor.Data)/2]
		float.DecodeF16(x, tensor.Data)
		return x
	}
	a, b := half("w1.A"), half("w1.B")
	for r := range int(rank) {
		for c := range 64 {
			for k := range 4 {
				sum[r*64+c] += b[r*4+k] * a[k*64+c]
			}
		}
	}
	assert.InDeltaSlice(t, sum, floats(got, "blk.1.time_mix_w1.weight"), 1e-5)
}
