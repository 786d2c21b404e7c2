package compare_test

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/compare"
)

// Tables makes tables of a result.
func Example() {
	result := compare.Comparison{
		Base:       compare.Facts{Name: "model-F16.gguf", Size: 3 << 30, BitsPerWeight: 16},
		Candidates: []compare.Measured{{Facts: compare.Facts{Name: "Q4_K_M", Size: 1 << 30, BitsPerWeight: 4.9}}},
	}
	for _, row := range compare.Tables(result)[0].Rows {
		fmt.Println(row[:3])
	}
	// Output:
	// [model-F16.gguf 3.00 GiB 16.00]
	// [Q4_K_M 1.00 GiB 4.90]
}
