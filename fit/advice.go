package fit

import "github.com/gosling-rwkv/gosling/internal/float"

// Advice is which released models suit a machine. Sizes are in bytes.
type Advice struct {
	RAM       int64        `json:"ram"`
	Usable    int64        `json:"usable_ram"` // what models may take of it
	VRAM      int64        `json:"vram"`
	GPU       string       `json:"gpu,omitempty"`
	Bandwidth float.Number `json:"bandwidth,omitempty"` // of the memory, in bytes per second; 0 where it is not known
	Use       string       `json:"use"`
	Models    []Advised    `json:"models"` // the one to take first
}

// Advised is a model that suits the machine.
type Advised struct {
	Name       string       `json:"name"`
	Version    string       `json:"version"` // of RWKV
	Parameters int64        `json:"parameters"`
	Repository string       `json:"repository"` // on Hugging Face
	File       string       `json:"file"`       // a pattern: dates differ
	Type       string       `json:"type"`       // the mix
	Size       int64        `json:"size"`       // of the file
	RAM        int64        `json:"ram"`
	VRAM       int64        `json:"vram"`                        // 0 for one that runs on the CPU
	Speed      float.Number `json:"tokens_per_second,omitempty"` // on the CPU, by the memory's; 0 where it is not known
	Why        string       `json:"why,omitempty"`               // it is the one to take
	Uses       []string     `json:"-"`
}

// Advise says what Recommend does, in numbers and words.
func Advise(m Machine, use string) (Advice, error) {
	choices, err := Recommend(m, use)
	if err != nil {
		return Advice{}, err
	}
	a := Advice{RAM: m.RAM, Usable: m.Usable(), VRAM: m.VRAM, GPU: m.GPU, Bandwidth: m.Bandwidth, Use: use, Models: []Advised{}}
	for i, c := range choices {
		one := Advised{
			Name: c.Model.Name(), Version: c.Model.Version, Parameters: c.Model.Parameters(), Repository: c.Model.Repository, File: c.Model.File,
			Type: c.Mix, Size: c.Size, RAM: c.Memory.RAM, VRAM: c.Memory.VRAM, Speed: float.Number(c.Speed), Uses: c.Model.Uses,
		}
		if i == 0 {
			one.Why = c.reason(use)
		}
		a.Models = append(a.Models, one)
	}
	return a, nil
}

// reason says why a model is the one to take.
func (c Choice) reason(use string) string {
	where := "that fits"
	switch {
	case c.OnGPU():
		where = "that is on the GPU whole"
	case c.Slow():
		where = "that fits, though slower than one reads"
	case c.Speed > 0:
		where = "that fits and is as quick as one reads"
	}
	switch {
	case c.Model.Version == "7":
		return "the largest RWKV-7 " + where
	case use == "archive":
		return "the largest of the older models " + where + "; for anything but comparing take an RWKV-7"
	case c.Model.Version == "6":
		return "the largest " + where + "; no RWKV-7 of its size does"
	}
	return "the largest of its kind " + where + "; there is no newer one of this kind"
}
