package collect_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/imatrix/collect"
)

// Run adds up the matrices of two texts.
func ExampleRun() {
	dir, err := os.MkdirTemp("", "collect-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, text := range []string{"english", "code"} {
		m := imatrix.Matrix{
			Datasets: []string{text}, Chunks: 2, ChunkSize: 512,
			Entries: []imatrix.Entry{{Name: "output.weight", Squares: []float64{1, 4}, Tokens: 1024}},
		}
		if err := m.Write(path(text), false); err != nil {
			fmt.Println(err)
			return
		}
	}
	result, err := collect.Run(context.Background(), collect.Options{In: []string{path("english"), path("code")}, Output: path("both")})
	fmt.Println(result.Tensors, result.Chunks, result.ChunkSize, err)
	// Output: 1 4 512 <nil>
}
