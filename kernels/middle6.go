package kernels

import (
	"fmt"
	"unsafe"
)

// Middle6 holds the addresses for a Middle6Call. The names are the letters of the Eagle and Finch paper. Activations are float32
// [channels, tokens]. Weights are float32 [channels].
type Middle6 struct {
	R, K, V      uintptr // activations
	W            uintptr // the decay, a factor: activations, or weights that are the same for every token
	G            uintptr // the gate, activations; 0 for none
	U            uintptr // the bonus, weights; 0 if the new state is read instead
	Scale, Shift uintptr // of the norm of heads, weights; 0 for no norm
	State        uintptr // float32 [value, key, head, sequence], read and replaced
	Y            uintptr // the result, float32 [channels, tokens]
}

// middle6 is the argument of the body of that name. run_amd64.s and gen/head6.go read it. A piece is 64 values of one head of one
// sequence.
type middle6 struct {
	shared

	r, k, v, w, u, g     uintptr
	scale, shift, y      uintptr
	headBytes, decayStep int64 // decayStep is the bytes from token to token of the decay, or 0
	eps                  float32

	heads, blocks int64 // blocks is the number of pieces of a head
	sequences     uintptr
	tokenBytes    int64
	state         uintptr
}

// Middle6Call is the call that Calls.Middle6 adds. It may run any number of times.
type Middle6Call struct {
	call *Call
	m    *middle6
}

// sequenceTable stores the index of the first token and the number of tokens of each sequence.
func (c *Calls) sequenceTable(lengths []int) (uintptr, error) {
	table, err := c.place(uintptr(16 * len(lengths)))
	if err != nil {
		return 0, err
	}
	first := int64(0)
	for i, n := range lengths {
		unsafe.Slice((*[2]int64)(table), len(lengths))[i] = [2]int64{first, int64(n)}
		first += int64(n)
	}
	return uintptr(table), nil
}

// Middle6 adds a call for the part of the time mix of versions 5 and 6 that lies after the first matrix products: recurrence, norm of
// heads and gate. With the state S of a head,
//
//	y = r (diag(u) k v + S),  S = diag(w) S + k v
//
// or without a bonus y = r S of the new state. eps is the epsilon of the norm. If perToken is false, the decay is the same for every
// token. lengths has the number of tokens of each sequence. Middle6 fails if HeadSize does not divide the head size, if there are no heads
// or no sequences, or if the system gives no memory.
func (c *Calls) Middle6(headSize, heads int64, lengths []int, perToken bool, eps float32) (*Middle6Call, error) {
	if headSize <= 0 || headSize%HeadSize != 0 || heads <= 0 || len(lengths) == 0 {
		return nil, fmt.Errorf("kernels: the recurrence of %d heads of %d channels and %d sequences", heads, headSize, len(lengths))
	}
	table, err := c.sequenceTable(lengths)
	if err != nil {
		return nil, err
	}
	to, err := c.place(unsafe.Sizeof(middle6{}))
	if err != nil {
		return nil, err
	}
	m, blocks := (*middle6)(to), headSize/HeadSize
	*m = middle6{
		shared:    shared{kernel: sharingKernel, body: middle6Body, pieces: blocks * heads * int64(len(lengths))},
		headBytes: 4 * headSize, eps: eps, heads: heads, blocks: blocks, sequences: table, tokenBytes: 4 * headSize * heads,
	}
	if perToken {
		m.decayStep = m.tokenBytes
	}
	return &Middle6Call{&Call{of: c, head: &m.shared}, m}, nil
}

// Pointer returns the last argument for the C function that Entry returns.
func (c *Middle6Call) Pointer() unsafe.Pointer { return c.call.Pointer() }

// Place sets all addresses of the call. Their memory must stay alive while the call runs. After the first Place, no call may be added
// to the Calls. Place fails for a norm of heads whose size is not HeadSize, or if the system gives no memory.
func (c *Middle6Call) Place(at Middle6) error {
	m := c.m
	if at.Scale != 0 && m.blocks > 1 {
		return fmt.Errorf("kernels: the norm of heads of %d channels", m.blocks*HeadSize)
	}
	m.r, m.k, m.v, m.w, m.u, m.g = at.R, at.K, at.V, at.W, at.U, at.G
	m.scale, m.shift, m.state, m.y = at.Scale, at.Shift, at.State, at.Y
	return c.call.placeScratch()
}

// averaging is the argument of the body of that name. run_amd64.s and gen/head6.go read it. A piece is 8 channels of one sequence.
type averaging struct {
	shared

	k, v, u, decay, mean, log, y uintptr

	eights     int64 // channels / 8
	sequences  uintptr
	tokenBytes int64
}

// AverageStep must divide the number of channels that is given to Calls.Average4.
const AverageStep = 8

// Average4 adds a call for the recurrence of version 4. A state is the mean of the values so far, weighted by e^key and the decay, and
// the logarithm of the sum of the weights (see rwkv/v4). For each token
//
//	y = v + sigmoid(log - k - u) (mean - v),  d = log + decay - k,  mean = v + sigmoid(d) (mean - v),  log = k + ln(1 + e^d)
//
// All numbers are float32. The operands to place are k and v, [channels, tokens], u and the logarithm of the decay, [channels], and the
// states mean and log, [channels, sequences], which are replaced. The result is [channels, tokens]. Average4 fails if 8 does not divide
// channels, if there are no sequences, or if the system gives no memory.
func (c *Calls) Average4(channels int64, lengths []int) (*Call, error) {
	if channels <= 0 || channels%AverageStep != 0 || len(lengths) == 0 {
		return nil, fmt.Errorf("kernels: the recurrence of %d channels and %d sequences", channels, len(lengths))
	}
	table, err := c.sequenceTable(lengths)
	if err != nil {
		return nil, err
	}
	to, err := c.place(unsafe.Sizeof(averaging{}))
	if err != nil {
		return nil, err
	}
	a, eights := (*averaging)(to), channels/AverageStep
	*a = averaging{
		shared: shared{kernel: sharingKernel, body: averageBody, pieces: eights * int64(len(lengths))},
		eights: eights, sequences: table, tokenBytes: 4 * channels,
	}
	return &Call{of: c, head: &a.shared, out: &a.y, in: []*uintptr{&a.k, &a.v, &a.u, &a.decay, &a.mean, &a.log}}, nil
}
