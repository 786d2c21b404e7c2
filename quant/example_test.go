package quant_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// A mix gives each tensor a type. A type whose blocks do not fit the rows is replaced.
func ExampleMix() {
	mix, err := quant.ParseMix("q4_k_m")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(mix.Name, "has", mix.Matrix, "matrices,", mix.Embedding, "embeddings and a", mix.Head, "head")
	for _, t := range []rwkv.TensorSpec{
		{Name: "blk.0.time_mix_key.weight", Class: rwkv.Matrix, Shape: []int64{2048, 2048}},
		{Name: "blk.0.time_mix_key.weight", Class: rwkv.Matrix, Shape: []int64{96, 96}},
		{Name: "output.weight", Class: rwkv.Head, Shape: []int64{2048, 65536}},
		{Name: "blk.0.attn_norm.weight", Class: rwkv.Vector, Shape: []int64{2048}},
	} {
		fmt.Println(t.Name, t.Shape, mix.Type(t))
	}
	// Output:
	// Q4_K_M has Q4_K matrices, Q4_K embeddings and a Q6_K head
	// blk.0.time_mix_key.weight [2048 2048] Q4_K
	// blk.0.time_mix_key.weight [96 96] Q5_0
	// output.weight [2048 65536] Q6_K
	// blk.0.attn_norm.weight [2048] F32
}

// Quantize needs ggml only for quantized types: Options.Quantizer returns a *ggml.Library then.
func ExampleQuantize() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "quant")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "f32.gguf"), filepath.Join(dir, "bf16.gguf")
	if _, err := convert.Run(ctx, filepath.Join("..", "testdata", "demo.pth"), in, convert.Options{Mix: mixOf("F32")}); err != nil {
		log.Fatal(err)
	}

	report, err := quant.Quantize(ctx, in, out, quant.Retyping{Mix: mixOf("BF16")}, quant.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, k := range report.Kinds {
		if k.To == gguf.BF16 && k.Name == "channel_mix_key" {
			fmt.Println(k.Tensors, "tensors", k.Name, "from", k.From, "to", k.To, "with", 8*k.Bytes/k.Elements, "bits per weight")
		}
	}
	// Output: 4 tensors channel_mix_key from F32 to BF16 with 16 bits per weight
}

func mixOf(name string) quant.Mix {
	mix, err := quant.ParseMix(name)
	if err != nil {
		log.Fatal(err)
	}
	return mix
}
