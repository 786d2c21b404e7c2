package imatrix_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/imatrix"
)

func Example() {
	dir, err := os.MkdirTemp("", "imatrix")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	// Two texts of one model, each with its own sums.
	first := &imatrix.Matrix{Datasets: []string{"a.txt"}, Chunks: 1, ChunkSize: 512}
	second := &imatrix.Matrix{Datasets: []string{"b.txt"}, Chunks: 1, ChunkSize: 512}
	for m, squares := range map[*imatrix.Matrix][]float64{first: {512, 0}, second: {512, 1024}} {
		if err := m.Add(imatrix.Entry{Name: "output.weight", Squares: squares, Tokens: 512}); err != nil {
			log.Fatal(err)
		}
	}
	if err := first.Merge(second); err != nil {
		log.Fatal(err)
	}

	path := filepath.Join(dir, "imatrix.gguf")
	if err := first.Write(path, false); err != nil {
		log.Fatal(err)
	}
	m, err := imatrix.Read(path)
	if err != nil {
		log.Fatal(err)
	}
	weights, ok := m.Weights("output.weight")
	fmt.Println(m.Datasets, m.Chunks, weights, ok)
	// Output: [a.txt b.txt] 2 [1 1] true
}
