package ggml_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
)

// A graph is built once and computed as often as wanted.
func Example() {
	lib, err := ggml.Open(ggml.Options{Folder: os.Getenv("GOSLING_GGML")})
	if err != nil {
		log.Fatal(err)
	}
	cpu, err := lib.CPU().NewBackend(1)
	if err != nil {
		log.Fatal(err)
	}
	defer cpu.Close()

	graph := lib.NewGraph()
	defer graph.Close()
	x := graph.Input(gguf.F32, 3, 2) // two rows of three
	sums := x.Sqr().SumRows()
	graph.Output(sums)
	if err := graph.Err(); err != nil { // the first step whose shapes do not fit
		log.Fatal(err)
	}
	scheduler, err := lib.NewScheduler(graph, cpu)
	if err != nil {
		log.Fatal(err)
	}
	defer scheduler.Close()

	for _, values := range [][]float32{{1, 2, 3, 4, 5, 6}, {0, 0, 1, 0, 2, 0}} {
		if err := x.SetFloats(values); err != nil {
			log.Fatal(err)
		}
		if err := scheduler.Compute(context.Background()); err != nil {
			log.Fatal(err)
		}
		rows := make([]float32, 2)
		if err := sums.ReadFloats(rows, 0); err != nil {
			log.Fatal(err)
		}
		fmt.Println(rows)
	}
}
