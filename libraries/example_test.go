package libraries_test

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/libraries"
)

func ExampleNames() {
	fmt.Println(libraries.Names())
	// Output: [ggml ggml-vulkan ggml-cuda]
}
