package doctor

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/lm"
)

// DeviceList is what a library of ggml computes on.
type DeviceList struct {
	GGML      string   `json:"ggml"`      // version
	Libraries string   `json:"libraries"` // their folder, or words for where the system finds them
	Variant   string   `json:"cpu_variant,omitempty"`
	Devices   []Device `json:"devices"`
}

// Device is a device of ggml. Memory is in bytes.
type Device struct {
	Name        string   `json:"name"` // as lm.Options.Device takes it
	Type        string   `json:"type"`
	Backend     string   `json:"backend"`
	Description string   `json:"description"`
	Free        int64    `json:"memory_free"`
	Total       int64    `json:"memory_total"`
	Features    []string `json:"features,omitempty"` // of the CPU, that its build makes use of
}

// Devices opens ggml as the options say and lists its devices, whatever device they name.
func Devices(o lm.Options) (DeviceList, error) {
	o.Device = "auto"
	lib, err := o.OpenLibrary()
	if err != nil {
		return DeviceList{}, err
	}
	list := DeviceList{GGML: lib.Version(), Libraries: lib.Dir(), Variant: lib.CPUVariant()}
	if list.Libraries == "" {
		list.Libraries = "the system's loader path"
	}
	for _, d := range lib.Devices() {
		info := Device{Name: d.Name, Type: string(d.Type), Backend: d.Backend, Description: d.Description, Features: d.Features()}
		info.Free, info.Total = d.Memory()
		list.Devices = append(list.Devices, info)
	}
	return list, nil
}

// GPU returns the GPU with the most free memory, and whether there is one.
func (l DeviceList) GPU() (best Device, ok bool) {
	for _, d := range l.Devices {
		if d.Type == string(ggml.GPU) && d.Free > best.Free {
			best, ok = d, true
		}
	}
	return best, ok
}
