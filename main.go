package main

import (
	"os"

	"github.com/gosling-rwkv/gosling/cli"
)

func main() {
	os.Exit(cli.Run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
