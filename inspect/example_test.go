package inspect_test

import (
	"fmt"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/inspect"
)

func ExampleFile() {
	list, err := inspect.File(filepath.Join("..", "testdata", "demo.pth"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(list.Format)
	fmt.Println(list.Metadata[0].Value, list.Totals.Tensors, list.Totals.Parameters)
	// Output:
	// PyTorch zip
	// rwkv7 135 3608832
}
