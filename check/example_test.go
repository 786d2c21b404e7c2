package check_test

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/check"
)

func ExampleFile() {
	found, err := check.File(context.Background(), filepath.Join("..", "testdata", "demo.pth"), check.Options{})
	fmt.Println(len(found.Problems), found.Notes, err)
	// Output: 0 [] <nil>
}
