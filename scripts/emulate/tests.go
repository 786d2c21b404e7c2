package main

import (
	"fmt"
	"strings"
)

// quick are the packages whose tests take a few seconds under an emulator, others those that take minutes. The rest
// (engine, eval, cli, the versions of RWKV) takes longer than anyone waits.
var (
	quick  = []string{"./gguf", "./tokenizer", "./checkpoint/...", "./sampler", "./prompt", "./music", "./internal/...", "./bindings"}
	others = []string{"./rwkv/op", "./ggml/...", "./quant", "./imatrix", "./convert", "./demo", "./fit"}
)

// tests runs those of the packages, compiled for the platform.
func (e *emulation) tests() error {
	packages := quick
	args := []string{"-count=1", "-vet=off", "-timeout=60m", "-exec", strings.Join(e.start, " ")}
	if e.short {
		args = append(args, "-short")
	} else {
		packages = append(quick[:len(quick):len(quick)], others...)
	}
	cmd := e.goCommand("test", append(args, packages...)...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return nil
}
