package fit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/quant"
)

// Machine is what a model must run on.
type Machine struct {
	Host
	RAM       int64        `json:"ram"`                 // total, in bytes
	VRAM      int64        `json:"vram"`                // free on a GPU, in bytes; 0 without a GPU
	GPU       string       `json:"gpu,omitempty"`       // its name, for people
	Bandwidth float.Number `json:"bandwidth,omitempty"` // of the memory, in bytes per second; 0 if unknown
}

// Usable returns the memory that a model may use. The rest is for the system and other programs.
func (m Machine) Usable() int64 { return m.RAM - max(min(1<<30, m.RAM/2), m.RAM/8) }

// slow is the speed in tokens per second below which a model is slower than people read.
const slow = 4

// gpuShare is how many times larger a model on the CPU must be to beat a model that fits the GPU entirely.
const gpuShare = 3

// offered are the recommended mixes, best first. Below four bits a smaller model is better.
var offered = []string{"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"}

// Choice is a model in a mix on a machine.
type Choice struct {
	Model  Model
	Mix    string
	Size   int64 // of the file
	Memory Memory
	Speed  float64 // estimated decoding speed on the CPU, in tokens per second; 0 if unknown
}

// OnGPU reports whether the whole model is on the GPU.
func (c Choice) OnGPU() bool { return c.Memory.Layers > c.Model.Config.Layers }

// slow reports whether the model is slower than people read.
func (c Choice) slow() bool { return c.Speed > 0 && c.Speed < slow }

// Uses returns the uses that models are recommended for.
func Uses() []string {
	var uses []string
	for _, m := range Released() {
		uses = append(uses, m.Uses...)
	}
	slices.Sort(uses)
	return slices.Compact(uses)
}

// Recommend lists the released models for a use that fit the machine, best first, each in the best mix that fits. It follows the
// advice of RWKV's documentation: version 7 first, version 6 if no model of version 7 with that size fits, and older versions for
// archives only. It prefers the largest model that is fast enough. A model that fits the GPU entirely beats a larger one up to
// gpuShare times its size.
func Recommend(m Machine, use string) ([]Choice, error) {
	if !slices.Contains(Uses(), use) {
		return nil, fmt.Errorf("use %q: want one of %s", use, strings.Join(Uses(), ", "))
	}
	var fitting []Choice
	for _, model := range Released() {
		if !slices.Contains(model.Uses, use) {
			continue
		}
		c, ok, err := m.best(model)
		if err != nil {
			return nil, err
		}
		if ok {
			fitting = append(fitting, c)
		}
	}
	slices.SortStableFunc(fitting, func(a, b Choice) int { return cmp.Compare(rank(b), rank(a)) })
	return fitting, nil
}

// rank returns a number that is higher for a better choice. Each version counts as much as a fifth more size, so a 7 beats a 6 of
// the same size.
func rank(c Choice) float64 {
	r := float64(c.Model.Parameters()) * math.Pow(1.2, float64(c.Model.Version[0]-'0'))
	if c.OnGPU() {
		r *= gpuShare
	}
	if c.slow() {
		r /= 1e6 // after all fast models, still the largest first
	}
	return r
}

// best returns the model in the best mix that fits entirely on the GPU, or else on the CPU. On the CPU it prefers the best mix
// that is fast enough.
func (m Machine) best(model Model) (Choice, bool, error) {
	var onCPU []Choice
	for _, name := range offered {
		mix, err := quant.ParseMix(name)
		if err != nil {
			return Choice{}, false, err
		}
		w, err := inMix(model.Arch, model.Config, mix)
		if err != nil {
			return Choice{}, false, err
		}
		if gpu := w.memory(m.Host, model.Config.Layers+1); m.VRAM > 0 && gpu.VRAM <= m.VRAM && gpu.RAM <= m.Usable() {
			return Choice{Model: model, Mix: name, Size: w.size, Memory: gpu}, true, nil
		}
		if cpu := w.memory(m.Host, 0); cpu.RAM <= m.Usable() {
			onCPU = append(onCPU, Choice{Model: model, Mix: name, Size: w.size, Memory: cpu, Speed: float64(m.Bandwidth) / float64(w.perToken())})
		}
	}
	if len(onCPU) == 0 {
		return Choice{}, false, nil
	}
	if i := slices.IndexFunc(onCPU, func(c Choice) bool { return !c.slow() }); i >= 0 {
		return onCPU[i], true, nil
	}
	return onCPU[len(onCPU)-1], true, nil
}
