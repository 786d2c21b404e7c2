package engine

import (
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/ggml"
)

// Reserve is how many bytes of a device's memory stay free for graphs, states and other programs, unless Options.GPULayers is set.
const Reserve = 768 << 20

// DeviceMemoryError is the error of a device with too little free memory for one layer of the model. Options.GPULayers skips this check.
type DeviceMemoryError struct {
	device      string
	free, total int64 // bytes
}

func (e *DeviceMemoryError) Error() string {
	return fmt.Sprintf("%s: %.1f of %.1f GiB are free, too little for one layer", e.device, gib(e.free), gib(e.total))
}

// openDevices decides which layers go to which device and makes the devices ready.
func (m *Model) openDevices(tensors []tensor) error {
	device, err := m.chooseDevice()
	if err != nil {
		return err
	}
	cpu := m.lib.CPU()
	layers := m.config.Layers
	onDevice := 0 // of layers + 1, the output being the last
	if !device.IsHost() {
		if onDevice, err = m.layersOnDevice(device, tensors); err != nil {
			return err
		}
	}
	m.devices = make([]ggml.Device, layers)
	for i := range m.devices {
		m.devices[i] = cpu
		if i >= layers+1-onDevice {
			m.devices[i] = device
		}
	}
	m.head = cpu
	if onDevice > 0 {
		m.head = device
		b, err := device.NewBackend(0)
		if err != nil {
			return err
		}
		m.backends = append(m.backends, b)
	}
	b, err := cpu.NewBackend(m.options.Threads)
	if err != nil {
		return err
	}
	m.backends = append(m.backends, b)
	m.options.Log.Info("placed", "device", device.Name, "layers", max(0, onDevice-1), "of", layers)
	return nil
}

func (m *Model) chooseDevice() (ggml.Device, error) {
	name := strings.ToLower(m.options.Device)
	if name != "" && name != "auto" {
		return m.lib.Device(name)
	}
	for _, kind := range []ggml.DeviceType{ggml.GPU, ggml.IGPU} {
		for _, d := range m.lib.Devices() {
			if d.Type == kind {
				return d, nil
			}
		}
	}
	return m.lib.CPU(), nil
}

// layersOnDevice is how many of the layers, from the last, go to the device; the output counts as one more and goes first.
func (m *Model) layersOnDevice(d ggml.Device, tensors []tensor) (int, error) {
	all := m.config.Layers + 1
	if n := m.options.GPULayers; n != nil {
		if *n < 0 {
			return all, nil
		}
		return min(*n, all), nil
	}
	sizes := make([]int64, all) // of the layers, then the output
	for _, t := range tensors {
		if !t.onHost() {
			sizes[min(t.layer, all-1)] += t.info.Size
		}
	}
	free, total := d.Memory()
	n, used, state := 0, int64(Reserve), m.StateBytes()/int64(m.config.Layers)
	for n < all && used+sizes[all-1-n]+state <= free {
		used += sizes[all-1-n] + state
		n++
	}
	if n == 0 && strings.ToLower(m.options.Device) != "" && !strings.EqualFold(m.options.Device, "auto") {
		return 0, &DeviceMemoryError{d.Name, free, total}
	}
	if n < all {
		m.options.Log.Warn("some layers stay on the CPU", "device", d.Name, "layers", n, "of", all, "free GiB", gib(free))
	}
	return n, nil
}

func gib(n int64) float64 { return float64(n) / (1 << 30) }
