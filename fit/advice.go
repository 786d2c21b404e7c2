package fit

import "github.com/gosling-rwkv/gosling/internal/float"

// Advice lists the released models that suit a machine. Sizes are in bytes.
type Advice struct {
	RAM       int64        `json:"ram"`
	Usable    int64        `json:"usable_ram"` // the part that models may use
	VRAM      int64        `json:"vram"`
	GPU       string       `json:"gpu,omitempty"`
	Bandwidth float.Number `json:"bandwidth,omitempty"` // of the memory, in bytes per second; 0 if unknown
	Use       string       `json:"use"`
	Models    []Advised    `json:"models"` // best first
}

// Advised is a model that suits the machine.
type Advised struct {
	Name       string       `json:"name"`
	Version    string       `json:"version"` // of RWKV
	Parameters int64        `json:"parameters"`
	Repository string       `json:"repository"` // on Hugging Face
	File       string       `json:"file"`       // a pattern, because dates differ
	Type       string       `json:"type"`       // the mix
	Pull       string       `json:"pull"`       // the name by which it is downloaded in that type
	Size       int64        `json:"size"`       // of the file
	RAM        int64        `json:"ram"`
	VRAM       int64        `json:"vram"`                        // 0 if it runs on the CPU
	Speed      float.Number `json:"tokens_per_second,omitempty"` // on the CPU, estimated from the memory's bandwidth; 0 if unknown
	Why        string       `json:"why,omitempty"`               // only set for the best one
	Uses       []string     `json:"-"`
}

// Advise returns the result of Recommend in numbers and words.
func Advise(m Machine, use string) (Advice, error) {
	choices, err := Recommend(m, use)
	if err != nil {
		return Advice{}, err
	}
	a := Advice{RAM: m.RAM, Usable: m.Usable(), VRAM: m.VRAM, GPU: m.GPU, Bandwidth: m.Bandwidth, Use: use, Models: []Advised{}}
	for i, c := range choices {
		one := Advised{
			Name: c.Model.Name(), Version: c.Model.Version, Parameters: c.Model.Parameters(), Repository: c.Model.Repository, File: c.Model.File,
			Type: c.Mix, Pull: c.Model.ID() + ":" + c.Mix, Size: c.Size, RAM: c.Memory.RAM, VRAM: c.Memory.VRAM, Speed: float.Number(c.Speed), Uses: c.Model.Uses,
		}
		if i == 0 {
			one.Why = c.reason(use)
		}
		a.Models = append(a.Models, one)
	}
	return a, nil
}

// reason says why a model is the best choice.
func (c Choice) reason(use string) string {
	where := "that fits"
	switch {
	case c.OnGPU():
		where = "that fits the GPU entirely"
	case c.slow():
		where = "that fits, but slower than people read"
	case c.Speed > 0:
		where = "that fits and is as fast as people read"
	}
	switch {
	case c.Model.Version == "7":
		return "the largest RWKV-7 " + where
	case use == "archive":
		return "the largest of the older models " + where + "; take an RWKV-7 for anything but comparisons"
	case c.Model.Version == "6":
		return "the largest " + where + "; no RWKV-7 of its size does"
	}
	return "the largest of its kind " + where + "; there is no newer one of this kind"
}
