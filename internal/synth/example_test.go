package synth_test

import (
	"bytes"
	"fmt"

	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

// A model small enough for tests.
func Example() {
	var file bytes.Buffer
	if err := synth.Write(&file, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: 1}); err != nil {
		fmt.Println(err)
		return
	}
	f, err := pth.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	head, _ := f.Tensor("head.weight")
	fmt.Println(len(f.Tensors), head.DType, head.Shape)
	// Output: 69 BF16 [257 64]
}
