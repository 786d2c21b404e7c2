package cli

import (
	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/lm"
)

// openGGUF opens the model that an argument names to read its header and tensors.
func openGGUF(c *urfave.Context, name string) (*gguf.File, error) {
	path, err := modelPath(c, name)
	if err != nil {
		return nil, err
	}
	return lm.OpenFile(path)
}

// requantize reports whether quantized tensors may be quantized again: if the flag says so, or if it is the built-in model, which
// only exists quantized.
func requantize(c *urfave.Context, name string) bool {
	return c.Bool("allow-requantize") || name == demo.Name
}

// textNames returns the texts that --text names. For the built-in model the default is the built-in text.
func textNames(c *urfave.Context, model string, named []string) ([]string, error) {
	if len(named) > 0 || model != demo.Name {
		return named, nil
	}
	path, err := demo.Text()
	return []string{path}, err
}
