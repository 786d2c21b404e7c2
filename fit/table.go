package fit

import (
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// mixes are the mixes of Table, from the best to the smallest.
var mixes = []string{"F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K"}

// Row is what a model needs in one mix, in bytes.
type Row struct {
	Mix  string `json:"type"`
	Size int64  `json:"size"` // of the file
	RAM  int64  `json:"ram"`  // to run it on the CPU
	// To run it on a GPU with all its layers: the memory that must be free there, and the machine's own memory.
	VRAM    int64 `json:"vram"`
	HostRAM int64 `json:"host_ram"`
}

// Table returns what a model needs in each mix. f is its GGUF file, or nil for a checkpoint.
func Table(arch rwkv.Arch, c rwkv.Config, f *gguf.File) ([]Row, error) {
	var rows []Row
	for _, name := range mixes {
		mix, err := quant.ParseMix(name)
		if err != nil {
			return nil, err
		}
		lay := func() (weights, error) { return inMix(arch, c, mix) }
		if f != nil {
			lay = func() (weights, error) { return quantized(arch, c, f, mix) }
		}
		w, err := lay()
		if err != nil {
			return nil, err
		}
		rows = append(rows, w.row(name))
	}
	return rows, nil
}

func (w weights) row(name string) Row {
	host, gpu := w.memory(ThisHost(), 0), w.memory(ThisHost(), w.config.Layers+1)
	return Row{Mix: name, Size: w.size, RAM: host.RAM, VRAM: gpu.VRAM, HostRAM: gpu.RAM}
}

// AsItIs returns what a GGUF file needs without changing it.
func AsItIs(arch rwkv.Arch, c rwkv.Config, f *gguf.File) (Row, error) {
	w, err := ofFile(arch, c, f)
	if err != nil {
		return Row{}, err
	}
	return w.row(""), nil
}
