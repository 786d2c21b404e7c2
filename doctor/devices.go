package doctor

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/lm"
)

// DeviceList lists the devices of a ggml library.
type DeviceList struct {
	GGML      string   `json:"ggml"`      // version
	Libraries string   `json:"libraries"` // their folder, or a text for the places where the system finds them
	Variant   string   `json:"cpu_variant,omitempty"`
	Kernels   string   `json:"kernels"`       // level of Gosling's own kernels that multiplies on the CPU, or "off"
	Levels    []string `json:"kernel_levels"` // levels that this processor runs, the best last
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
	level, err := kernels.ParseLevel(o.Kernels)
	if err != nil {
		return DeviceList{}, err
	}
	lib, err := o.OpenLibrary()
	if err != nil {
		return DeviceList{}, err
	}
	list := DeviceList{GGML: lib.Version(), Libraries: lib.Dir(), Variant: lib.CPUVariant(), Kernels: level.String(), Levels: levelNames()}
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

// KernelsText says which level of kernels multiplies, and which other levels this processor runs. If the level is not the best one, it
// also says what chose it: the setting in the environment, or else the flag.
func (l DeviceList) KernelsText(environment string) string {
	others := slices.DeleteFunc(slices.Clone(l.Levels), func(level string) bool { return level == l.Kernels })
	if len(l.Levels) == 0 {
		return "none for this processor"
	}
	text := l.Kernels
	if l.Kernels != l.Levels[len(l.Levels)-1] {
		by := "--kernels"
		if environment == l.Kernels {
			by = "GOSLING_KERNELS"
		}
		text += ", because of " + by
	}
	if len(others) > 0 {
		text += " (also: " + strings.Join(others, ", ") + ")"
	}
	return text
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

// WriteText writes the list for people. environment is the setting of the kernels in the environment, as for KernelsText.
func (l DeviceList) WriteText(out io.Writer, environment string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTYPE\tMEMORY FREE\tTOTAL\tBACKEND\tDESCRIPTION")
	for _, d := range l.Devices {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Name, d.Type, units.Bytes(d.Free), units.Bytes(d.Total), d.Backend, d.Description)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	variant := l.Variant
	if variant == "" {
		variant = "the only one there is"
	}
	_, err := fmt.Fprintf(out, "\nggml %s from %s\nCPU variant: %s\nKernels: %s\n", l.GGML, l.Libraries, variant, l.KernelsText(environment))
	return err
}
