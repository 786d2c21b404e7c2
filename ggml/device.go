package ggml

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/gosling-rwkv/gosling/bindings"
)

// DeviceType says what a device is.
type DeviceType string

// The types of devices.
const (
	CPU         DeviceType = "CPU"
	GPU         DeviceType = "GPU"
	IGPU        DeviceType = "iGPU" // shares the host's memory
	Accelerator DeviceType = "accelerator"
)

// Device is a processor that ggml can compute on.
type Device struct {
	Name        string // as ggml numbers them: "CPU", "CUDA0", "Vulkan1"
	Description string // "NVIDIA GeForce RTX 4090"
	Backend     string // "CUDA"
	Type        DeviceType

	lib   *Library
	p     bindings.Device
	props bindings.DeviceProps
	cpu   *bindings.CPU // functions that only the CPU's backend has; nil on others
}

// Devices returns all devices, the CPU included, in ggml's order of preference.
func (l *Library) Devices() []Device { return l.devices }

// Device returns the device with a name, in upper or lower case. "cpu" or the name of a backend ("vulkan", "metal") returns the first
// device of that kind. An unknown name is an error.
func (l *Library) Device(name string) (Device, error) {
	var names []string
	for _, match := range []func(Device) bool{
		func(d Device) bool { return strings.EqualFold(d.Name, name) },
		func(d Device) bool { return strings.EqualFold(d.Backend, name) },
		func(d Device) bool { return strings.EqualFold(name, "metal") && d.Backend == "MTL" },
	} {
		for _, d := range l.devices {
			if match(d) {
				return d, nil
			}
		}
	}
	for _, d := range l.devices {
		names = append(names, strings.ToLower(d.Name))
	}
	return Device{}, fmt.Errorf("no device %q: there is %s", name, strings.Join(names, ", "))
}

// CPU returns the device of the processor itself. Every bundle of ggml has it.
func (l *Library) CPU() Device {
	d, _ := l.Device("cpu") // listDevices has seen to it
	return d
}

// Memory returns the free and the total memory of the device in bytes.
func (d Device) Memory() (free, total int64) {
	var f, t uintptr
	d.lib.c.DevMemory(d.p, &f, &t)
	return int64(f), int64(t)
}

// Features returns the features of the processor that the device's backend uses, such as AVX512 or AMX_INT8, in the backend's order.
func (d Device) Features() []string {
	if d.cpu == nil || d.cpu.Features == nil {
		return nil
	}
	var names []string
	for f := d.cpu.Features(d.lib.c.DevReg(d.p)); f != nil && f.Name != nil; f = (*bindings.Feature)(unsafe.Add(unsafe.Pointer(f), unsafe.Sizeof(*f))) {
		if bindings.GoString(f.Value) != "0" {
			names = append(names, bindings.GoString(f.Name))
		}
	}
	return names
}

// IsHost reports whether the device computes on the process's own memory.
func (d Device) IsHost() bool { return d.Type == CPU }

func (l *Library) listDevices() ([]Device, error) {
	types := map[bindings.DeviceType]DeviceType{
		bindings.DeviceCPU: CPU, bindings.DeviceGPU: GPU, bindings.DeviceIGPU: IGPU, bindings.DeviceAccel: Accelerator,
	}
	var devices []Device
	found := false
	for i := range l.c.DevCount() {
		p := l.c.DevGet(i)
		props, err := l.c.Props(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.bundle.Base, err)
		}
		t, ok := types[props.Type]
		if !ok {
			continue
		}
		d := Device{
			Name: l.c.DevName(p), Description: l.c.DevDescription(p), Backend: l.c.RegName(l.c.DevReg(p)),
			Type: t, lib: l, p: p, props: props,
		}
		if t == CPU {
			found = true
			if d.cpu, err = l.c.CPUFunctions(p); err != nil {
				return nil, fmt.Errorf("%s: %w", l.bundle.Dir, err)
			}
		}
		devices = append(devices, d)
	}
	if !found {
		return nil, fmt.Errorf("%s: ggml %s found no CPU backend for this processor beside it: the bundle is incomplete, install it again with \"make ggml\"", l.bundle.Dir, l.Version())
	}
	return devices, nil
}

// BufferTypes returns the kinds of buffers that may hold matrices for the device, best first. Some kinds of the CPU rearrange weights for
// its vector or matrix units. The last kind is the plain one, which holds any tensor.
func (d Device) BufferTypes() []BufferType {
	var types []BufferType
	if d.cpu != nil && d.cpu.ExtraBufferTypes != nil {
		if list := d.cpu.ExtraBufferTypes(d.p); list != nil {
			for p := unsafe.Pointer(list); *(*bindings.BufferType)(p) != 0; p = unsafe.Add(p, unsafe.Sizeof(uintptr(0))) {
				types = append(types, BufferType{device: d, p: *(*bindings.BufferType)(p)})
			}
		}
	}
	return append(types, d.BufferType())
}

// BufferType returns the device's plain kind of buffer.
func (d Device) BufferType() BufferType {
	return BufferType{device: d, p: d.lib.c.DevBufferType(d.p)}
}
