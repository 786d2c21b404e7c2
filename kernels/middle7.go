package kernels

import (
	"fmt"
	"unsafe"
)

// HeadSize is the number of channels of a head. Middle7 computes only heads of this size.
const HeadSize = 64

// Middle7 holds the addresses for a MiddleCall. The names are the letters of the RWKV-7 paper. Activations are float32 [channels,
// tokens]. W, A and VR do not include their biases and sigmoids. VR and V0 are 0 in layer 0. G is 0 without a gate. Weights are float32
// [channels]. Scale and Shift are 0 without a norm.
type Middle7 struct {
	R, K, V, W, A, VR, G, V0                uintptr // activations
	W0, A0, VBias, KK, KA, RK, Scale, Shift uintptr // weights; Scale and Shift belong to the norm of heads
	State                                   uintptr // float32 [key, value, head, sequence], read and replaced
	Y                                       uintptr // the result, float32 [channels, tokens]
}

// middle7 is the argument of the body middle. run_amd64.s and gen/head7.go read it. A piece is one head of one sequence.
type middle7 struct {
	shared

	r, k, v, w, a, vr, g, v0                uintptr
	w0, a0, vBias, kk, ka, rk, scale, shift uintptr
	y                                       uintptr
	eps                                     float32

	heads      int64
	sequences  uintptr // a [2]int64 for each sequence: the index of its first token, and its number of tokens
	tokenBytes int64
	state      uintptr
}

// middleScratch is the scratch memory of a thread: 8 vectors of a head.
const middleScratch = 8 * 4 * HeadSize

// MiddleCall is the call that Calls.Middle7 adds. It may run any number of times.
type MiddleCall struct {
	call *Call
	m    *middle7
}

// Middle7 adds a call for the part of version 7's time mix that lies between the matrix products: decay, rate, value residual,
// removal key, recurrence, norm of heads, bonus and gate. eps is the epsilon of the norm. lengths has the number of tokens of each
// sequence. Activations hold the tokens of one sequence after another. Middle7 fails if there are no heads or no sequences, or if the
// system gives no memory.
func (c *Calls) Middle7(heads int64, lengths []int, eps float32) (*MiddleCall, error) {
	if heads <= 0 || len(lengths) == 0 {
		return nil, fmt.Errorf("kernels: the time mix of %d heads and %d sequences", heads, len(lengths))
	}
	table, err := c.sequenceTable(lengths)
	if err != nil {
		return nil, err
	}
	to, err := c.place(unsafe.Sizeof(middle7{}))
	if err != nil {
		return nil, err
	}
	m := (*middle7)(to)
	*m = middle7{
		shared: shared{kernel: sharingKernel, body: middleBody, pieces: heads * int64(len(lengths)), threadScratch: middleScratch},
		eps:    eps, heads: heads, sequences: table,
		tokenBytes: 4 * HeadSize * heads,
	}
	c.scratch = max(c.scratch, middleScratch)
	return &MiddleCall{&Call{of: c, head: &m.shared}, m}, nil
}

// Pointer returns the last argument for the C function that Entry returns.
func (c *MiddleCall) Pointer() unsafe.Pointer { return c.call.Pointer() }

// Place sets all addresses of the call. Their memory must stay alive while the call runs. After the first Place, no call may be added
// to the Calls. Place fails if the system gives no memory.
func (c *MiddleCall) Place(at Middle7) error {
	m := c.m
	m.r, m.k, m.v, m.w, m.a, m.vr, m.g, m.v0 = at.R, at.K, at.V, at.W, at.A, at.VR, at.G, at.V0
	m.w0, m.a0, m.vBias, m.kk, m.ka, m.rk, m.scale, m.shift = at.W0, at.A0, at.VBias, at.KK, at.KA, at.RK, at.Scale, at.Shift
	m.state, m.y = at.State, at.Y
	return c.call.placeScratch()
}
