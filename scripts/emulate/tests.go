package main

import (
	"fmt"
	"slices"
	"strings"
)

// quick are the packages of a short run. others are the packages that a full run adds. The rest (engine, eval, cli, the versions
// of RWKV) takes too long under an emulator.
var (
	quick = []string{
		"./gguf", "./tokenizer", "./checkpoint", "./checkpoint/pth", "./sampler", "./prompt", "./bindings",
		"./internal/atomicfile", "./internal/cpus", "./internal/float", "./internal/mmap", "./internal/pages", "./internal/rss", "./kernels",
	}
	others = []string{
		"./checkpoint/adapter", "./checkpoint/dialect", "./checkpoint/formats", "./checkpoint/rwkvcpp", "./checkpoint/safetensors",
		"./music", "./rwkv", "./rwkv/op", "./ggml/...", "./quant", "./imatrix", "./convert", "./demo", "./fit", "./generate",
		"./internal/golden", "./internal/synth",
	}
)

// slow are exhaustive tests of the quick packages. A short run skips them.
var slow = []string{
	"TestWorldEncodesEveryTokenInEveryCompany", "TestRandomVocabulariesFindTheLongestToken", "TestReadFloatsAnywhere",
	"TestStoragesAndFilesBeyond4GiB", "TestPicklesThatAreRefused", "TestRoundingIsToTheNearestEven",
}

// tests runs the packages' tests, compiled for the platform.
func (e *emulation) tests() error {
	packages, skip := quick, e.cannot
	args := []string{"-count=1", "-vet=off", "-timeout=60m", "-exec", strings.Join(e.start, " ")}
	if e.short {
		args, skip = append(args, "-short"), slices.Concat(skip, slow)
	} else {
		packages = slices.Concat(quick, others)
	}
	if len(skip) > 0 {
		args = append(args, "-skip="+strings.Join(skip, "|"))
	}
	cmd := e.goCommand("test", append(args, packages...)...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return nil
}
