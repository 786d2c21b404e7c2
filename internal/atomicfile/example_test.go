package atomicfile_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/internal/atomicfile"
)

func Example() {
	dir, err := os.MkdirTemp("", "atomicfile")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "goose.txt")
	for range 2 {
		if err := honk(path); err != nil {
			fmt.Println(filepath.Base(err.Error()))
		}
	}
	// Output: goose.txt exists
}

func honk(path string) error {
	f, err := atomicfile.Create(path, atomicfile.Options{})
	if err != nil {
		return err
	}
	defer f.Close() // removes the temporary file if Commit is not reached
	if _, err := f.Write([]byte("honk")); err != nil {
		return err
	}
	return f.Commit()
}
