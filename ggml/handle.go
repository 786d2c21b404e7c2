package ggml

import "sync/atomic"

// live counts handles that have not been closed; package ggmltest looks at it.
var live atomic.Int64

// Live returns the number of contexts, buffers, backends, graphs and schedulers that have not been closed yet.
func Live() int64 { return live.Load() }

// handle is part of what owns C memory. It counts among Live until it is closed.
type handle struct{ isOpen bool }

func newHandle() handle {
	live.Add(1)
	return handle{isOpen: true}
}

// shut reports whether the handle was open, and closes it. Its owner then frees the memory, once.
func (h *handle) shut() bool {
	if !h.isOpen {
		return false
	}
	h.isOpen = false
	live.Add(-1)
	return true
}
