package fit

import (
	"os"
	"path/filepath"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/gosling-rwkv/gosling/quant"
)

// Need is what a model needs to run: the size of its file, and the memory on the CPU and with all layers on a GPU. Sizes are in bytes.
type Need struct {
	Size     int64
	CPU, GPU Memory
	Rough    bool // only the size of the file is known
}

// Need returns what the model needs in a mix.
func (m Model) Need(h Host, mix quant.Mix) (Need, error) {
	w, err := inMix(m.Arch, m.Config, mix)
	if err != nil {
		return Need{}, err
	}
	return Need{Size: w.size, CPU: w.memory(h, 0), GPU: w.memory(h, m.Config.Layers+1)}, nil
}

// RoughNeed estimates what a model needs of which only the size of the file is known.
func RoughNeed(h Host, size int64) Need {
	work := max(h.Process, defaultProcess) + size/10
	return Need{Size: size, CPU: Memory{RAM: size + work}, GPU: Memory{RAM: work, VRAM: size + work}, Rough: true}
}

// Runs reports whether the machine has the memory, on the CPU or on its GPU.
func (m Machine) Runs(n Need) bool {
	return n.CPU.RAM <= m.Usable() || m.VRAM > 0 && n.GPU.VRAM <= m.VRAM && n.GPU.RAM <= m.Usable()
}

// bitsPerWeight are the bits of a weight in the matrices of a mix, about, with what its other tensors add.
func bitsPerWeight(mix quant.Mix) float64 {
	return 8*float64(mix.Matrix.BlockBytes())/float64(mix.Matrix.BlockSize()) + 0.6
}

// Converted estimates the size of the file that a checkpoint of 16 bits per weight becomes in a mix.
func Converted(checkpoint int64, mix quant.Mix) int64 {
	return int64(float64(checkpoint)/16*bitsPerWeight(mix)) + 4<<20
}

// Disk is the disk that a folder is on. Sizes are in bytes.
type Disk struct{ Free, Total int64 }

// Room returns how many bytes are free on the disk of a file, and whether the file may take or grow by some bytes. It may if the file system
// does not report its free space.
func Room(path string, bytes int64) (free int64, fits bool) {
	d, err := DiskOf(filepath.Dir(path))
	return d.Free, err != nil || bytes <= d.Free
}

// DiskOf returns the disk of a folder, which need not exist yet.
func DiskOf(dir string) (Disk, error) {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	u, err := disk.Usage(dir)
	if err != nil {
		return Disk{}, err
	}
	return Disk{int64(u.Free), int64(u.Total)}, nil
}
