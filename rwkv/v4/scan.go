package v4

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// average is what version 4 remembers of a range of tokens, for every channel: the mean of their values, weighted by e^key and
// the decay, and the logarithm of the sum of the weights. It is another form of the paper's state: mean is aa/bb, and log is
// ln(bb)+pp. It is just as stable, because weights are only compared and so cannot overflow. Both are [channels, n, sequences].
type average struct{ mean, log ggml.Tensor }

// then returns the average of two consecutive ranges. The first one is decayed by the second's length. decay is the logarithm of
// that decay, [channels]. A zero tensor means no decay.
//
//	Δ = a.log + decay - b.log,  mean = b.mean + σ(Δ)·(a.mean - b.mean),  log = b.log + softplus(Δ)
func (a average) then(b average, decay ggml.Tensor) average {
	d := a.ahead(b, decay)
	return average{
		mean: a.mean.Sub(b.mean).Mul(d.Sigmoid()).Add(b.mean),
		log:  d.Softplus().Add(b.log),
	}
}

// ahead returns Δ.
func (a average) ahead(b average, decay ggml.Tensor) ggml.Tensor {
	if decay.IsZero() {
		return a.log.Sub(b.log)
	}
	return a.log.Add(decay).Sub(b.log)
}

// scan returns the averages of every prefix of x: of its first column, its first two, and so on. Columns are ranges of the same
// length. decay is the logarithm of the decay over that length. It works on halves: it averages pairs of columns, scans these,
// and derives the prefixes of odd length. That takes 2 log₂(n) steps over all channels and sequences instead of n.
func (x average) scan(decay ggml.Tensor) average {
	n := x.mean.Dim(1)
	if n == 1 {
		return x
	}
	pairs, rest := n/2, (n-1)/2
	even := x.every(0, pairs).then(x.every(1, pairs), decay).scan(decay.Scale(2)) // prefixes of 2, 4, 6, ... columns
	first := x.slice(0, 1)
	if rest == 0 {
		return first.concat(even)
	}
	odd := even.slice(0, rest).then(x.every(2, rest), decay) // of 3, 5, 7, ...
	if rest < pairs {
		return first.concat(even.slice(0, rest).between(odd)).concat(even.slice(rest, 1))
	}
	return first.concat(even.between(odd))
}

// every returns n columns, beginning with first and skipping every other.
func (x average) every(first, n int64) average {
	return average{x.mean.Every(1, first, 2, n), x.log.Every(1, first, 2, n)}
}

func (x average) slice(first, n int64) average {
	return average{x.mean.Slice(1, first, n), x.log.Slice(1, first, n)}
}

func (x average) concat(y average) average {
	return average{x.mean.Concat(y.mean, 1), x.log.Concat(y.log, 1)}
}

// between interleaves the columns of x and y.
func (x average) between(y average) average {
	weave := func(x, y ggml.Tensor) ggml.Tensor {
		channels, n, seqs := x.Dim(0), x.Dim(1), x.Dim(2)
		column := func(t ggml.Tensor) ggml.Tensor { return t.Cont().Reshape(channels, 1, n, seqs) }
		return column(x).Concat(column(y), 1).Reshape(channels, 2*n, seqs)
	}
	return average{weave(x.mean, y.mean), weave(x.log, y.log)}
}

// wkv runs the recurrence over the batch. k and v are [channels, tokens], u and decay [channels]. For every token it returns the
// average of all values up to and including its own, whose weight is multiplied by e^u (RWKV-4 paper, equation 16). It updates
// the state.
func wkv(b rwkv.Batch, layer int, k, v, u, decay ggml.Tensor) ggml.Tensor {
	if y, ok := op.Average4(b, k, v, u, decay, b.State(layer, wkvMean), b.State(layer, wkvLog)); ok {
		return y
	}
	b.Graph.Inexact() // the scan of several tokens averages in another order than one token after another
	channels, decay := k.Dim(0), b.Graph.Use(decay)
	return op.ByRun(b, 1, func(r op.Run) ggml.Tensor {
		tokens := average{r.Of(v, 1).Reshape(channels, r.Length, r.Seqs), r.Of(k, 1).Reshape(channels, r.Length, r.Seqs)}
		state := func(name string) ggml.Tensor {
			return r.State(b.Graph, b.State(layer, name)).Reshape(channels, 1, r.Seqs)
		}
		old := average{state(wkvMean), state(wkvLog)}

		past, next := old, average{}
		if r.Length == 1 {
			next = past.then(tokens, decay)
		} else {
			all := past.concat(tokens).scan(decay)
			past, next = all.slice(0, r.Length), all.slice(r.Length, 1)
		}
		boosted := average{tokens.mean, tokens.log.Add(u)}
		y := past.mean.Sub(tokens.mean).Mul(past.ahead(boosted, ggml.Tensor{}).Sigmoid()).Add(tokens.mean)
		b.Graph.Compute(y) // reads the old state before the copies below replace it
		b.Graph.Compute(next.mean)
		b.Graph.Compute(next.log)
		b.Graph.Compute(next.mean.CopyTo(old.mean))
		b.Graph.Compute(next.log.CopyTo(old.log))
		return y.Reshape(channels, r.Length*r.Seqs)
	})
}
