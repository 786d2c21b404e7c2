package cli

import (
	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/lm"
)

// modelPath is the file of the model that an argument names, which is its path unless it names the one in the program.
func modelPath(name string) (string, error) {
	if name == demo.Name {
		return demo.Model()
	}
	return name, nil
}

// openGGUF opens the model that an argument names to read its header and tensors.
func openGGUF(name string) (*gguf.File, error) {
	path, err := modelPath(name)
	if err != nil {
		return nil, err
	}
	return lm.OpenFile(path)
}

// requantize reports whether a model may be quantized although it is already: if the flag says so, or if it is the one in the
// program, of which there is no other.
func requantize(c *urfave.Context, name string) bool {
	return c.Bool("allow-requantize") || name == demo.Name
}

// textNames are the texts that --text names, or for the model in the program the one beside it.
func textNames(c *urfave.Context, model string, named []string) ([]string, error) {
	if len(named) > 0 || model != demo.Name {
		return named, nil
	}
	path, err := demo.Text()
	return []string{path}, err
}
