package op

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// StateHead returns the head size in which the wkv state is stored. ggml's WKV kernels are only correct for multiples of 64, so
// other heads are padded with zeros. These stay zero: a padded key channel has no key, rate or receptance, and a padded value
// channel has no value.
func StateHead(size int) int {
	return (size + ggml.WKVStep - 1) / ggml.WKVStep * ggml.WKVStep
}

// StateElements returns the number of elements in one layer's wkv state.
func StateElements(c rwkv.Config) int64 {
	head := int64(StateHead(c.HeadSize))
	return head * head * int64(c.Heads())
}

// WKVState returns the wkv state of a layer. A tuned state may be its start.
func WKVState(c rwkv.Config, name string) rwkv.StateSpec {
	size, padded := int64(c.HeadSize), int64(StateHead(c.HeadSize))
	return rwkv.StateSpec{
		Name: name, Elements: StateElements(c), Tuned: rwkv.TunedState,
		Place: func(dst, tuned []float32) {
			for row := range int64(len(tuned)) / size {
				copy(dst[(row/size*padded+row%size)*padded:][:size], tuned[row*size:])
			}
		},
	}
}

// WKV7 runs version 7's recurrence over the batch. r, w, k, v, a and b are [head size, heads, tokens]. It returns y in the same
// shape and updates the state.
func WKV7(batch rwkv.Batch, layer int, r, w, k, v, a, b, state ggml.Tensor) ggml.Tensor {
	return recur(batch, layer, state, func(s ggml.Tensor, x ...ggml.Tensor) ggml.Tensor {
		return x[0].WKV7(x[1], x[2], x[3], x[4], x[5], s)
	}, r, w, k, v, a, b)
}

// WKV6 runs the recurrence of versions 5 and 6 over the batch. k, v, r and the decay w are [head size, heads, tokens]. The bonus
// u is [head size, heads]. It returns y in the same shape and updates the state.
func WKV6(batch rwkv.Batch, layer int, k, v, r, u, w, state ggml.Tensor) ggml.Tensor {
	u = batch.Graph.Use(u)
	if padded := int64(StateHead(int(u.Dim(0)))); padded != u.Dim(0) {
		u = u.PadRows(padded)
	}
	return recur(batch, layer, state, func(s ggml.Tensor, x ...ggml.Tensor) ggml.Tensor {
		return x[0].WKV6(x[1], x[2], u, x[3], s)
	}, k, v, r, w)
}

// recur runs a WKV operation over the batch with padded heads. xs are [head size, heads, tokens]. It returns y in the same shape
// and updates the state.
func recur(batch rwkv.Batch, layer int, state ggml.Tensor, wkv func(state ggml.Tensor, x ...ggml.Tensor) ggml.Tensor, xs ...ggml.Tensor) ggml.Tensor {
	size, heads := xs[0].Dim(0), xs[0].Dim(1)
	padded := int64(StateHead(int(size)))
	if padded != size {
		for i, x := range xs {
			xs[i] = x.PadRows(padded)
		}
	}
	y := ByRun(batch, 2, func(r Run) ggml.Tensor {
		of := make([]ggml.Tensor, len(xs))
		for i, x := range xs {
			of[i] = r.Of(x, 2)
		}
		state := r.State(batch.Graph, state)
		result := wkv(state, of...)
		if !batch.Device(layer).RunsWKV(padded) {
			result = batch.Graph.On(batch.CPU, result)
		}
		tokens := r.Length * r.Seqs
		next := result.Flat(padded*heads*tokens, padded*padded*heads, r.Seqs) // the new states follow y
		batch.Graph.Compute(next.CopyTo(state))
		return result.Flat(0, padded, heads, tokens)
	})
	if padded != size {
		y = y.Slice(0, 0, size).Cont()
	}
	return y
}
