package formats

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/adapter"
	"github.com/gosling-rwkv/gosling/checkpoint/dialect"
)

// OpenAdapter opens an adapter: a .pth or .safetensors file, or a folder of PEFT. It also reads an adapter_config.json beside the file.
// alpha is the scale of the training. 0 means the value in adapter_config.json. init is the file with the initial values of a PiSSA
// adapter, or empty. The caller closes the Adapter. Errors name the file.
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
	f, err := openHalves(file)
	if err != nil {
		return nil, err
	}
	if init != "" {
		if o.Init, err = openHalves(init); err != nil {
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

// openHalves opens a file of low-rank halves and gives those of web-rwkv a trainer's names and layout.
func openHalves(path string) (*checkpoint.File, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	translated, err := dialect.Adapter(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return translated, nil
}
