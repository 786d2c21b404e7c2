package doctor

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/probe"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
)

// levelNames returns the names of the levels of kernels that this processor runs.
func levelNames() []string {
	names := []string{}
	for level := kernels.None + 1; level <= kernels.Best(); level++ {
		names = append(names, level.String())
	}
	return names
}

const kernelsAdvice = "leave the kernels out, so that ggml computes: --kernels off, or for all commands export GOSLING_KERNELS=off"

// examineKernelsApart tests the kernels in another process, because an instruction that the processor lacks would end this one.
func (o Options) examineKernelsApart(ctx context.Context, tell func(Check)) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fault, err := o.apart(limited, Kernels, tell)
	if err := cmp.Or(ctx.Err(), err); err != nil {
		return err
	}
	if limited.Err() != nil {
		fault = fmt.Sprintf("no answer in %v", patience)
	}
	if fault != "" {
		tell(Check{"kernels", Problem, "the test of Gosling's own kernels failed: " + fault, kernelsAdvice})
	}
	return nil
}

// examineKernels tests the kernels of the level in the options: each type against plain Go, and against ggml's product, and the other
// functions against plain Go.
func (o Options) examineKernels(ctx context.Context, tell func(Check)) {
	level, err := kernels.ParseLevel(o.Kernels)
	switch {
	case err != nil:
		tell(Check{"kernels", Problem, err.Error(), kernelsAdvice})
		return
	case kernels.Best() == kernels.None:
		tell(Check{Name: "kernels", Status: OK, Text: "none for this processor: ggml computes"})
		return
	case level == kernels.None:
		tell(Check{Name: "kernels", Status: OK, Text: "off: ggml computes; this processor runs " + strings.Join(levelNames(), ", ")})
		return
	}
	lib, err := o.open("cpu")
	if err != nil {
		lib = nil // the check of the libraries reported what is wrong
	}
	if err := kernels.CheckFunctions(); err != nil {
		tell(Check{"kernels", Problem, err.Error(), kernelsAdvice})
		return
	}
	var types []string
	for _, typ := range kernels.Types() {
		if err := o.tryKernel(ctx, lib, level, typ); err != nil {
			tell(Check{"kernels", Problem, fmt.Sprintf("%s, %s: %v", level, typ, err), kernelsAdvice})
			return
		}
		types = append(types, typ.String())
	}
	text := fmt.Sprintf("%s, computes correctly: %s", level, strings.Join(types, " "))
	if lib == nil {
		text += "\nnot compared with ggml, which was not opened"
	}
	tell(Check{Name: "kernels", Status: OK, Text: text})
}

// tryKernel tests the kernels of one type. lib is nil if there is nothing to compare with.
func (o Options) tryKernel(ctx context.Context, lib *ggml.Library, level kernels.Level, typ gguf.Type) error {
	if err := kernels.Check(level, typ); err != nil {
		return err
	}
	if lib == nil {
		return nil
	}
	multiply := o.multiply
	if multiply == nil {
		multiply = (*kernels.Matrix).Multiply
	}
	return probe.Kernel(ctx, lib, typ, func(in, out int64, rows []byte, x []float32) ([]float32, error) {
		size, _ := kernels.Size(level, typ, in, out)
		m, err := kernels.NewMatrix(level, typ, in, out, make([]byte, size))
		if err != nil {
			return nil, err
		}
		if err := m.Pack(0, rows); err != nil {
			return nil, err
		}
		return multiply(m, x)
	})
}
