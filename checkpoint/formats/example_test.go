package formats_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint/formats"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "formats")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.pth")
	if err := os.WriteFile(path, []byte("GGUF\x03\x00\x00\x00"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	_, err = formats.Open(path)
	fmt.Println(strings.TrimPrefix(err.Error(), path+": "))
	// Output: is a GGUF model already: run it as it is, or name the .pth it was made of
}
