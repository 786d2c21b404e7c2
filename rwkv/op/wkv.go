package op

import (
	"gosling/ggml"
	"gosling/rwkv"
)

// StateHead is the head size that the wkv state is kept with. ggml's WKV kernels are right for multiples of 64 only, so
// other heads are padded with zeros, which stay zeros: a padded key channel has no key, rate or receptance, a padded value
// channel no value.
func StateHead(size int) int {
	return (size + ggml.WKVStep - 1) / ggml.WKVStep * ggml.WKVStep
}

// StateElements is the size of the wkv state of one layer.
func StateElements(c rwkv.Config) int64 {
	head := int64(StateHead(c.HeadSize))
	return head * head * int64(c.Heads())
}

// WKV7 runs version 7's recurrence over the batch: r, w, k, v, a and b are [head size, heads, tokens]. It returns y of the
// same shape and moves the state on.
func WKV7(batch rwkv.Batch, layer int, r, w, k, v, a, b, state ggml.Tensor) ggml.Tensor {
	size, heads, tokens := r.Dim(0), r.Dim(1), r.Dim(2)
	padded := int64(StateHead(int(size)))
	if padded != size {
		for _, t := range []*ggml.Tensor{&r, &w, &k, &v, &a, &b} {
			*t = t.PadRows(padded)
		}
	}
	return recur(batch, layer, r.WKV7(w, k, v, a, b, state), state, size, heads, tokens)
}

// WKV6 runs the recurrence of versions 5 and 6 over the batch: k, v, r and the decay w are [head size, heads, tokens], the
// bonus u is [head size, heads]. It returns y of the same shape and moves the state on.
func WKV6(batch rwkv.Batch, layer int, k, v, r, u, w, state ggml.Tensor) ggml.Tensor {
	size, heads, tokens := r.Dim(0), r.Dim(1), r.Dim(2)
	padded := int64(StateHead(int(size)))
	u = batch.Graph.Use(u)
	if padded != size {
		for _, t := range []*ggml.Tensor{&k, &v, &r, &u, &w} {
			*t = t.PadRows(padded)
		}
	}
	return recur(batch, layer, k.WKV6(v, r, u, w, state), state, size, heads, tokens)
}

// recur takes a WKV operation's result apart: it moves the state on and returns y, [size, heads, tokens].
func recur(batch rwkv.Batch, layer int, result, state ggml.Tensor, size, heads, tokens int64) ggml.Tensor {
	padded := int64(StateHead(int(size)))
	if !kernelFor(batch.Device(layer), padded) {
		result = batch.Graph.On(batch.CPU, result)
	}
	next := result.Flat(padded*heads*tokens, padded*padded*heads, batch.Seqs)
	batch.Graph.Compute(next.CopyTo(batch.Graph.Use(state)))
	y := result.Flat(0, padded, heads, tokens)
	if padded != size {
		y = y.Slice(0, 0, size).Cont()
	}
	return y
}

// kernelFor reports whether ggml's WKV kernels of the device are right for a head size, which must be a multiple of 64.
// Each backend says that it supports any size; this is what their sources hold.
func kernelFor(d ggml.Device, headSize int64) bool {
	switch d.Backend {
	case "CPU":
		return true
	case "CUDA", "ROCm", "MUSA", "SYCL":
		return headSize == 64 || headSize == 128
	default: // Metal and Vulkan are compiled for 64
		return headSize == 64
	}
}
