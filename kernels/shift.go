package kernels

import (
	"fmt"
	"unsafe"
)

// The addresses that Shift.Mus may hold for results without weights.
const (
	SameRow    uintptr = iota // the normalized row
	Difference                // the row before it minus the row
)

// ShiftStep must divide the number of channels that is given to Calls.Shift.
const ShiftStep = 32

// Shift holds the addresses for a ShiftCall. All numbers are float32. A row has one number for each channel.
type Shift struct {
	X           uintptr   // the input, [channels, tokens]
	State       uintptr   // for each sequence the normalized row before its first row, [channels, sequences]
	Scale, Bias uintptr   // of the norm, [channels]; the bias may be 0
	Mus         []uintptr // for each lerp the weights of the row before, [channels], or SameRow or Difference
	Out         uintptr   // the lerps [channels, tokens, lerps], then the last normalized row of each sequence [channels, sequences]
}

// shift is the argument of the body shifting. run_amd64.s and gen/shift.go read it.
type shift struct {
	shared

	x, state, scale, bias, out, mus uintptr
	rowBytes, tokens                int64
	after                           uintptr // where the last rows go
	eps, inverse, one               float32
	rms                             uint32  // 1 if rows are divided by the root of the mean of their squares, and no mean is subtracted
	table                           uintptr // a shiftPiece for each piece
}

// shiftPiece is a piece of a Shift: some of the lerps for a run of tokens of one sequence.
type shiftPiece struct {
	first, tokens, sequence int64
	begins, ends            int64 // begins is 1 if the run is the first of its sequence; ends is 1 if the piece writes the last row
	lerp, lerps             int64 // the first lerp, and the one after the last
}

// shiftRunTokens is the largest number of tokens in a piece.
const shiftRunTokens = 16

// ShiftCall is the call that Calls.Shift adds. It may run any number of times.
type ShiftCall struct {
	call *Call
	s    *shift
	mus  []uintptr // in the memory of the calls
}

// Shift adds a call that normalizes rows as Norm does, and then mixes them. Each lerp of a normalized row n is n + (p - n) * mu, where p is
// the normalized row before it in the same sequence. lengths has the number of rows of each sequence. Shift fails if ShiftStep does not
// divide channels, if there are no lerps or no sequences, or if the system gives no memory.
func (c *Calls) Shift(channels int64, lengths []int, lerps int, eps float32, rms bool) (*ShiftCall, error) {
	if channels <= 0 || channels%ShiftStep != 0 || lerps <= 0 || len(lengths) == 0 {
		return nil, fmt.Errorf("kernels: the token shift of %d channels, %d sequences and %d lerps", channels, len(lengths), lerps)
	}
	pieces, tokens := shiftPieces(lengths, lerps, c.threads)
	return c.shift(channels, tokens, pieces, lerps, eps, rms)
}

// Norm adds a call that normalizes rows of float32 [n, rows]. If rms is false, the norm of a row x is (x - mean)/sqrt(variance + eps).
// Otherwise it is x/sqrt(mean of squares + eps). The operands to place are the rows, the scale and the bias, [n] each. The bias or both
// of these may be 0: then nothing is added or multiplied. Norm fails if ShiftStep does not divide n, if there are no rows, or if the
// system gives no memory.
func (c *Calls) Norm(n, rows int64, eps float32, rms bool) (*Call, error) {
	if n <= 0 || n%ShiftStep != 0 || rows <= 0 || rows > (1<<40)/n {
		return nil, fmt.Errorf("kernels: the norm of %d rows of %d numbers", rows, n)
	}
	var pieces []shiftPiece
	run := max(1, smallPiece/4/n)
	for first := int64(0); first < rows; first += run {
		pieces = append(pieces, shiftPiece{first: first, tokens: min(run, rows-first), begins: 1, lerps: 1})
	}
	call, err := c.shift(n, rows, pieces, 1, eps, rms)
	if err != nil {
		return nil, err
	}
	call.mus[0] = SameRow
	call.call.out, call.call.in = &call.s.out, []*uintptr{&call.s.x, &call.s.scale, &call.s.bias}
	return call.call, nil
}

// shift adds a call with the given pieces.
func (c *Calls) shift(channels, tokens int64, pieces []shiftPiece, lerps int, eps float32, rms bool) (*ShiftCall, error) {
	table, err := c.place(unsafe.Sizeof(shiftPiece{}) * uintptr(len(pieces)))
	if err != nil {
		return nil, err
	}
	copy(unsafe.Slice((*shiftPiece)(table), len(pieces)), pieces)
	mus, err := c.place(unsafe.Sizeof(uintptr(0)) * uintptr(lerps))
	if err != nil {
		return nil, err
	}
	to, err := c.place(unsafe.Sizeof(shift{}))
	if err != nil {
		return nil, err
	}
	s := (*shift)(to)
	*s = shift{
		shared: shared{kernel: sharingKernel, body: shiftBody, pieces: int64(len(pieces)), threadScratch: 2 * 4 * channels},
		mus:    uintptr(mus), rowBytes: 4 * channels, tokens: tokens, eps: eps, inverse: 1 / float32(channels), one: 1,
		table: uintptr(table),
	}
	if rms {
		s.rms = 1
	}
	c.scratch = max(c.scratch, s.threadScratch)
	return &ShiftCall{&Call{of: c, head: &s.shared}, s, unsafe.Slice((*uintptr)(mus), lerps)}, nil
}

// shiftPieces cuts the work into pieces of several tokens. If that gives fewer pieces than threads, it also cuts them by lerps.
func shiftPieces(lengths []int, lerps, threads int) (pieces []shiftPiece, tokens int64) {
	for i, n := range lengths {
		p := shiftPiece{first: tokens, sequence: int64(i), begins: 1, lerps: int64(lerps)}
		for rest := int64(n); ; {
			p.tokens = min(rest, shiftRunTokens)
			if rest -= p.tokens; rest == 0 {
				p.ends = 1
			}
			pieces = append(pieces, p)
			if rest == 0 {
				break
			}
			p.first, p.begins = p.first+p.tokens, 0
		}
		tokens += int64(n)
	}
	parts := min((threads+len(pieces)-1)/len(pieces), lerps)
	if parts == 1 {
		return pieces, tokens
	}
	var cut []shiftPiece
	for _, p := range pieces {
		for i := range parts {
			part := p
			part.lerp, part.lerps = int64(lerps*i/parts), int64(lerps*(i+1)/parts)
			if i > 0 {
				part.ends = 0 // only the first part writes the last row
			}
			cut = append(cut, part)
		}
	}
	return cut, tokens
}

// Pointer returns the last argument for the C function that Entry returns.
func (c *ShiftCall) Pointer() unsafe.Pointer { return c.call.Pointer() }

// Place sets all addresses of the call. Their memory must stay alive while the call runs. After the first Place, no call may be added
// to the Calls. Place fails if at.Mus has another number of lerps than the call, or if the system gives no memory.
func (c *ShiftCall) Place(at Shift) error {
	if len(at.Mus) != len(c.mus) {
		return fmt.Errorf("kernels: %d lerps placed, want %d", len(at.Mus), len(c.mus))
	}
	copy(c.mus, at.Mus)
	s := c.s
	s.x, s.state, s.scale, s.bias, s.out = at.X, at.State, at.Scale, at.Bias, at.Out
	s.after = at.Out + uintptr(int64(len(c.mus))*s.tokens*s.rowBytes)
	return c.call.placeScratch()
}
