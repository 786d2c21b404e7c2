package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/checkpoint/adapter"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/sampler"
)

func TestALineOfAnErrorIsCut(t *testing.T) {
	var out strings.Builder
	printError(&out, errors.New("m.safetensors: tensor \""+strings.Repeat("goose", 1<<20)+"\" is missing\nand another line"))
	assert.Less(t, out.Len(), 1100)
	assert.Contains(t, out.String(), "...\nand another line\n")
}

func TestErrorsOfLibrariesGetTheFlagsThatHelp(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string // in the hint
	}{
		"an output that exists":               {&atomicfile.ExistsError{}, "--force"},
		"a quantized model":                   {&quant.QuantizedError{}, "--allow-requantize"},
		"no importance matrix":                {&quant.ImportanceError{}, "gosling imatrix"},
		"a tuned state":                       {&convert.PartError{State: true}, "--merge-state"},
		"an adapter":                          {&convert.PartError{}, "--lora"},
		"an adapter without an alpha":         {&adapter.AlphaError{}, "--lora-alpha"},
		"what PiSSA began with":               {&adapter.InitError{}, "--lora-init"},
		"too many threads":                    {&lm.ThreadsError{Want: 64, Most: 3}, "--threads 3"},
		"a device that cannot be opened":      {&lm.DeviceError{}, "--device cpu"},
		"a device with too little memory":     {&lm.DeviceMemoryError{}, "--gpu-layers"},
		"a logit that is not finite":          {&sampler.LogitError{}, "inspect --check"},
		"an epsilon that the file lacks":      {&convert.NoGroupNormError{}, "--group-norm-eps"},
		"an error that no flag helps against": {errors.New("it is cold"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			printError(&out, fmt.Errorf("m.pth: %w", tc.err))
			_, hint, _ := strings.Cut(out.String(), "\nhint: ")
			assert.Contains(t, hint, tc.want)
			assert.Equal(t, tc.want == "", hint == "")
		})
	}
}
