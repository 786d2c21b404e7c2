package convert_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/quant"
)

func Example() {
	dir, err := os.MkdirTemp("", "convert")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	mix, err := quant.ParseMix("F16")
	if err != nil {
		log.Fatal(err)
	}

	in := filepath.Join("..", "testdata", "demo.pth")
	out := filepath.Join(dir, filepath.Base(convert.DefaultOutput(in, mix)))
	result, err := convert.Run(context.Background(), in, out, convert.Options{Mix: mix})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(result.Path), result.Arch.Title, result.Config.Layers, "layers", result.Elements(), "elements")
	// Output: demo-F16.gguf RWKV-7 4 layers 3625472 elements
}
