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

// Machine is what a model has to run on.
type Machine struct {
	Host
	RAM       int64        `json:"ram"`                 // all of it, in bytes
	VRAM      int64        `json:"vram"`                // free on a GPU; 0 without one
	GPU       string       `json:"gpu,omitempty"`       // its name, for people
	Bandwidth float.Number `json:"bandwidth,omitempty"` // of the memory, in bytes per second; 0 where it is not known
}

// Usable is the memory that a model may take: the rest is the system's and other programs'.
func (m Machine) Usable() int64 { return m.RAM - max(min(1<<30, m.RAM/2), m.RAM/8) }

// slow is the speed below which nobody wants to read along, in tokens per second.
const slow = 4

// gpuShare is how much smaller a model may be for being on the GPU whole rather than on the CPU.
const gpuShare = 3

// offered are the mixes that are recommended, the best first. Below four bits a smaller model is the better one.
var offered = []string{"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"}

// Choice is a model in a mix on a machine.
type Choice struct {
	Model  Model
	Mix    string
	Size   int64 // of the file
	Memory Memory
	Speed  float64 // an estimate of decoding on the CPU, in tokens per second; 0 where there is none
}

// OnGPU reports whether the model is on the GPU whole.
func (c Choice) OnGPU() bool { return c.Memory.Layers > c.Model.Config.Layers }

// Slow reports whether the model is slower than one reads.
func (c Choice) Slow() bool { return c.Speed > 0 && c.Speed < slow }

// Uses are what models are recommended for.
func Uses() []string {
	var uses []string
	for _, m := range Released() {
		uses = append(uses, m.Uses...)
	}
	slices.Sort(uses)
	return slices.Compact(uses)
}

// Recommend lists the released models for a use that fit the machine, each in the best mix in which it does, the one to take
// first. It follows the advice of RWKV's documentation: version 7 before all others; version 6 where there is no 7 of that size
// that fits; older ones for archives only. Of models that are fast enough the largest is the best, and one that is on the GPU
// whole goes before a larger one that is not, unless that is several times as large.
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

// rank is higher for what is to be taken before. A version counts as much as a fifth of the size: a 7 before a 6 of its size.
func rank(c Choice) float64 {
	r := float64(c.Model.Parameters()) * math.Pow(1.2, float64(c.Model.Version[0]-'0'))
	if c.OnGPU() {
		r *= gpuShare
	}
	if c.Slow() {
		r /= 1e6 // behind all that are not, still the largest first
	}
	return r
}

// best is the model in the best mix that fits: on the GPU if all of it does, or else on the CPU, in one that is fast enough if
// there is one.
func (m Machine) best(model Model) (Choice, bool, error) {
	var onCPU []Choice
	for _, name := range offered {
		mix, err := quant.ParseMix(name)
		if err != nil {
			return Choice{}, false, err
		}
		w, err := InMix(model.Arch, model.Config, mix)
		if err != nil {
			return Choice{}, false, err
		}
		if gpu := w.Memory(m.Host, model.Config.Layers+1); m.VRAM > 0 && gpu.VRAM <= m.VRAM && gpu.RAM <= m.Usable() {
			return Choice{Model: model, Mix: name, Size: w.Size, Memory: gpu}, true, nil
		}
		if cpu := w.Memory(m.Host, 0); cpu.RAM <= m.Usable() {
			onCPU = append(onCPU, Choice{Model: model, Mix: name, Size: w.Size, Memory: cpu, Speed: float64(m.Bandwidth) / float64(w.PerToken())})
		}
	}
	if len(onCPU) == 0 {
		return Choice{}, false, nil
	}
	if i := slices.IndexFunc(onCPU, func(c Choice) bool { return !c.Slow() }); i >= 0 {
		return onCPU[i], true, nil
	}
	return onCPU[len(onCPU)-1], true, nil
}
