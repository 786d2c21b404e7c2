package bench_test

import (
	"fmt"
	"time"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/internal/float"
)

func Example() {
	r := bench.Result{Prompt: 512, AvgTS: float.Rate(512, 4*time.Second)}
	fmt.Printf("%s: %.0f tokens per second\n", r.Test(), r.AvgTS)
	// Output: pp512: 128 tokens per second
}
