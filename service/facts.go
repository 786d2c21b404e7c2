package service

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/grammar"
)

// Fingerprint names what the bits of a result depend on: the program's kernels, the device, the threads and the model. Clients of llama.cpp
// expect it to begin with "b".
func (m *Model) Fingerprint() string { return m.fingerprint() }

func (m *Model) findFingerprint() string {
	var devices []string
	for _, d := range m.Devices() {
		devices = append(devices, d.Name)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d %x", m.GGML(), m.Kernels(), strings.Join(devices, ","), m.Threads(), m.Identity()))
	return "b" + hex.EncodeToString(sum[:6])
}

// Parameters returns the number of the model's weights.
func (m *Model) Parameters() int64 {
	var n int64
	for _, t := range m.File().Tensors() {
		elements := int64(1)
		for _, d := range t.Shape {
			elements *= d
		}
		n += elements
	}
	return n
}

// Memory is the most memory that the parts of a serving process take, in bytes.
type Memory struct {
	Model    int64 // weights, and what computes one text
	Running  int64 // states in slots, and the plans for several texts
	Waiting  int64 // states of texts without a slot
	Kept     int64 // the cache, and states that have names
	Requests int64 // what requests themselves take, and compiled grammars
}

// Sum returns the memory of all parts.
func (m Memory) Sum() int64 { return m.Model + m.Running + m.Waiting + m.Kept + m.Requests }

// requestMemory is what a request takes besides its state, at the usual length of a prompt.
const requestMemory = 64 << 10

// Memory returns the most memory that serving takes. The model is an estimate, the other parts are limits.
func (m *Model) Memory() Memory {
	row, err := fit.AsItIs(m.Arch(), m.Config(), m.File())
	if err != nil {
		row.RAM = m.File().Size()
	}
	return Memory{
		Model: row.RAM, Running: int64(m.o.Slots+2)*m.StateBytes() + 2*engine.PlanMemory, Waiting: m.o.Schedule.StateMemory,
		Kept: m.o.Cache + m.names.MaxMemory(), Requests: int64(m.o.Schedule.Queue)*requestMemory + grammar.MaxPrograms + grammar.MaxMasks,
	}
}
