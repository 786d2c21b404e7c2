// Command fakehub serves the files of a folder as Hugging Face's hub would, for trying out downloads without a network: DIR/OWNER/REPO
// is a repository. It prints the lines that set the environment, and runs until it is stopped.
//
//	go run ./scripts/fakehub DIR
package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/fakehub"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: fakehub DIR")
		os.Exit(2)
	}
	h := fakehub.New()
	defer h.Close()
	root := os.DirFS(os.Args[1])
	err := fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		parts := strings.SplitN(path, "/", 3)
		if err != nil || e.IsDir() || len(parts) < 3 {
			return err
		}
		data, err := fs.ReadFile(root, path)
		if err == nil {
			h.Add(parts[0]+"/"+parts[1], map[string][]byte{parts[2]: data})
			fmt.Fprintln(os.Stderr, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "fakehub:", err)
		os.Exit(1)
	}
	fmt.Printf("export HF_ENDPOINT=%s MODELSCOPE_DOMAIN=%s\n", h.URL, h.URL)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	<-stop
}
