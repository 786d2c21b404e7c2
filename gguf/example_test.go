package gguf_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/gguf"
)

func Example() {
	dir, err := os.MkdirTemp("", "gguf")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "goose.gguf")
	if err := write(path); err != nil {
		log.Fatal(err)
	}

	f, err := gguf.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	name, _ := f.String("general.name")
	feathers, _ := f.Tensor("feathers")
	fmt.Println(name, feathers.Type, feathers.Shape, f.Data(feathers))
	// Output: goose I8 [2 3] [1 2 3 4 5 6]
}

func write(path string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	w, err := gguf.NewWriter(out, gguf.Header{
		Keys:    []gguf.KV{{Key: "general.name", Value: "goose"}},
		Tensors: []gguf.Tensor{{Name: "feathers", Type: gguf.I8, Shape: []int64{2, 3}}},
	})
	if err != nil {
		return err
	}
	if err := w.WriteAt(0, []byte{1, 2, 3, 4, 5, 6}, 0); err != nil {
		return err
	}
	return w.Close()
}

// A FormatError tells where the file is wrong.
func ExampleFormatError() {
	file, err := os.CreateTemp("", "*.gguf")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if _, err := file.WriteString("GGUF\x09\x00\x00\x00"); err != nil {
		log.Fatal(err)
	}
	_, err = gguf.Open(file.Name())
	var bad *gguf.FormatError
	if errors.As(err, &bad) {
		fmt.Printf("%s at byte %d: %s\n", bad.Part, bad.Offset, bad.Reason)
	}
	// Output: version at byte 4: is 9, want 2 or 3: made by a newer program, or damaged
}
