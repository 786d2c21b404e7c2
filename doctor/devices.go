package doctor

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/lm"
)

// DeviceList lists the devices of a ggml library.
type DeviceList struct {
	GGML      string   `json:"ggml"`      // version
	Libraries string   `json:"libraries"` // their folder, or a text for the places where the system finds them
	Variant   string   `json:"cpu_variant,omitempty"`
	Devices   []Device `json:"devices"`
}

// Device is a device of ggml. Memory is in bytes.
type Device struct {
	Name        string   `json:"name"` // value for lm.Options.Device
	Type        string   `json:"type"`
	Backend     string   `json:"backend"`
	Description string   `json:"description"`
	Free        int64    `json:"memory_free"`
	Total       int64    `json:"memory_total"`
	Features    []string `json:"features,omitempty"` // features of the CPU that its build uses
}

// Devices opens ggml with the options and lists all its devices. It ignores Options.Device.
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
