package sched

import (
	"errors"
	"fmt"

	"github.com/gosling-rwkv/gosling/rwkv"
)

// checkRows refuses rows that a request cannot have.
func (r Request) checkRows() error {
	switch {
	case r.Outputs > rwkv.AllHidden:
		return fmt.Errorf("outputs %d: there is no such kind of rows", r.Outputs)
	case (r.Rows == nil) != (r.Outputs == rwkv.NoLogits):
		return errors.New("rows of a prompt need both Rows and Outputs")
	case r.Outputs.Hidden() && !r.ReadOnly:
		return errors.New("hidden states of a prompt that a text follows: they need a request that only reads its prompt")
	}
	return nil
}

// everyRow returns the rows to compute after every token of the prompt, or rwkv.NoLogits.
func (r Request) everyRow() rwkv.Outputs {
	if r.Outputs.Last() {
		return rwkv.NoLogits
	}
	return r.Outputs
}

// outputs returns the rows to compute with the next n tokens of the prompt.
func (t *text) outputs(n int) rwkv.Outputs {
	switch every := t.everyRow(); {
	case every != rwkv.NoLogits:
		return every
	case n < t.left():
		return rwkv.NoLogits
	case t.Rows != nil:
		return t.Outputs
	case t.ReadOnly:
		return rwkv.NoLogits
	}
	return rwkv.LastLogits
}

// tell passes rows to the request, if it wants them. The last row is that of the n-th token of the prompt.
func (t *text) tell(n int, outputs rwkv.Outputs, rows []float32) error {
	if t.Rows == nil || outputs == rwkv.NoLogits {
		return nil
	}
	first := t.read
	if outputs.Last() {
		first = n - 1
	}
	return protect(func() error { return t.Rows(first, rows) })
}
