package formats

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gosling/checkpoint/adapter"
)

// OpenAdapter opens what fine-tuning made: a .pth or .safetensors file, or PEFT's folder. An adapter_config.json beside it
// is read too. init, unless it is empty, is the file in which PiSSA kept the beginning of its pairs. Errors name the file.
func OpenAdapter(path string, alpha float64, init string) (*adapter.Adapter, error) {
	o := adapter.Options{Alpha: alpha}
	file := path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		file = filepath.Join(path, "adapter_model.safetensors")
		if _, err := os.Stat(file); err != nil {
			file = filepath.Join(path, "adapter_model.bin")
		}
	}
	if _, err := readConfig(filepath.Join(filepath.Dir(file), "adapter_config.json"), &o.Config); err != nil {
		return nil, err
	}
	f, err := open(file)
	if err != nil {
		return nil, err
	}
	if init != "" {
		if o.Init, err = open(init); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	a, err := adapter.New(f, o)
	if err != nil {
		err = errors.Join(fmt.Errorf("%s: %w", file, err), f.Close())
		if o.Init != nil {
			err = errors.Join(err, o.Init.Close())
		}
		return nil, err
	}
	return a, nil
}
