package float_test

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/internal/float"
)

func Example() {
	halves := make([]byte, 4)
	float.EncodeF16(halves, []float32{1.5, 65536})
	back := make([]float32, 2)
	float.DecodeF16(back, halves)
	fmt.Println(halves, back)
	// Output: [0 62 0 124] [1.5 +Inf]
}
