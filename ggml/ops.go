package ggml

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Operation is one operation of a graph: its name in ggml, its operands, and the shape of its result.
type Operation struct {
	Name     string
	Operands []Tensor
	Shape    [4]int64
	Number   float32 // the factor of scale, or the epsilon of a norm
}

// own lets the graph's Own build the operation. It reports false if there is no Own, or if ggml must build the operation.
func (o Operation) own() (Tensor, bool) {
	if g := o.graph(); g.Own != nil && g.err == nil {
		return g.Own(o)
	}
	return Tensor{}, false
}

// graph finds the graph among the operands.
func (o Operation) graph() (g *Graph) {
	for _, t := range o.Operands {
		if t.g != nil {
			g = t.g
		}
	}
	if g == nil {
		panic("ggml: internal error: " + o.Name + " of tensors that are in no graph")
	}
	return g
}

// operate makes the result of an operation, with Own or with build.
func operate(o Operation, allowed bool, reason string, call func(c *bindings.Library, ctx bindings.Context) bindings.Tensor) Tensor {
	if allowed {
		if t, ok := o.own(); ok {
			return t
		}
	}
	return build(o, allowed, reason, call)
}

// build makes the result of one operation of ggml: it checks the condition under which the C function would not abort, and calls it. The
// result is a contiguous F32 tensor.
func build(o Operation, allowed bool, reason string, call func(c *bindings.Library, ctx bindings.Context) bindings.Tensor) Tensor {
	g := o.graph()
	for _, t := range o.Operands {
		switch {
		case t.p == 0:
			allowed, reason = false, "an operand is missing"
		case t.elsewhere:
			allowed, reason = false, "the values of an operand are kept elsewhere: only the graph's Own knows them"
		}
	}
	if !allowed {
		g.fail(o.Name, reason, o.Operands...)
	}
	ctx, ok := g.take()
	if !ok {
		return Tensor{g: g, lib: g.lib, typ: gguf.F32, ne: o.Shape}
	}
	for _, t := range o.Operands {
		if t.g == nil {
			g.outer[t.p] = struct{}{}
		}
	}
	t := Tensor{g: g, lib: g.lib, typ: gguf.F32, ne: o.Shape, p: call(g.lib.c, ctx)}
	fillStrides(&t.nb, t.ne, t.typ)
	return t
}

// view makes a view of t, which is not computed.
func (t Tensor) view(name string, allowed bool, reason string, shape [4]int64, call func(c *bindings.Library, ctx bindings.Context) bindings.Tensor) Tensor {
	v := build(Operation{Name: name, Operands: []Tensor{t}, Shape: shape}, allowed, reason, call)
	if v.p != 0 {
		v.g.views[v.p] = t.p
	}
	return v
}

// dense reports whether t is F32 without gaps inside rows, which elementwise operations need.
func (t Tensor) dense() bool { return t.typ == gguf.F32 && t.nb[0] == 4 }

func (t Tensor) repeatsTo(o Tensor) bool {
	for i := range 4 {
		if t.ne[i] == 0 || o.ne[i]%t.ne[i] != 0 {
			return false
		}
	}
	return true
}

func (t Tensor) binary(op string, o Tensor, call func(c *bindings.Library, ctx bindings.Context) bindings.Tensor) Tensor {
	return operate(Operation{Name: op, Operands: []Tensor{t, o}, Shape: t.ne}, t.dense() && o.dense() && o.repeatsTo(t), "want two F32 tensors, the second repeatable to the first", call)
}

func (t Tensor) unary(op string, call func(c *bindings.Library, ctx bindings.Context) bindings.Tensor) Tensor {
	return t.unaryWith(op, 0, call)
}

func (t Tensor) unaryWith(op string, number float32, call func(c *bindings.Library, ctx bindings.Context) bindings.Tensor) Tensor {
	o := Operation{Name: op, Operands: []Tensor{t}, Shape: t.ne, Number: number}
	return operate(o, t.typ == gguf.F32 && t.Contiguous(), "want a contiguous F32 tensor", call)
}

func (t Tensor) rows(op string, number float32, shape [4]int64, call func(c *bindings.Library, ctx bindings.Context) bindings.Tensor) Tensor {
	return operate(Operation{Name: op, Operands: []Tensor{t}, Shape: shape, Number: number}, t.dense(), "want F32 rows", call)
}

// Add is t + o, where o is repeated to the shape of t.
func (t Tensor) Add(o Tensor) Tensor {
	return t.binary("add", o, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Add(ctx, t.p, o.p) })
}

// Sub is t - o, where o is repeated to the shape of t.
func (t Tensor) Sub(o Tensor) Tensor {
	return t.binary("sub", o, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Sub(ctx, t.p, o.p) })
}

// Mul is the elementwise product t ⊙ o, where o is repeated to the shape of t.
func (t Tensor) Mul(o Tensor) Tensor {
	return t.binary("mul", o, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Mul(ctx, t.p, o.p) })
}

// Neg is -t.
func (t Tensor) Neg() Tensor {
	return t.unary("neg", func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Neg(ctx, t.p) })
}

// Sqr is t ⊙ t.
func (t Tensor) Sqr() Tensor {
	return t.unary("sqr", func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Sqr(ctx, t.p) })
}

// Relu is max(t, 0).
func (t Tensor) Relu() Tensor {
	return t.unary("relu", func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Relu(ctx, t.p) })
}

// ReluSqr is max(t, 0)², the activation of the channel mix.
func (t Tensor) ReluSqr() Tensor {
	if y, ok := t.ownUnary("relu_sqr"); ok {
		return y
	}
	return t.Relu().Sqr()
}

// ExpNegExp is e^(-e^t), which makes a decay of its logarithm.
func (t Tensor) ExpNegExp() Tensor {
	if y, ok := t.ownUnary("exp_neg_exp"); ok {
		return y
	}
	return t.Exp().Neg().Exp()
}

// ownUnary lets the graph's Own build a function that is several operations in ggml.
func (t Tensor) ownUnary(name string) (Tensor, bool) {
	if t.typ != gguf.F32 || !t.Contiguous() || t.p == 0 || t.g == nil {
		return Tensor{}, false
	}
	return Operation{Name: name, Operands: []Tensor{t}, Shape: t.ne}.own()
}

// Tanh is the hyperbolic tangent of t.
func (t Tensor) Tanh() Tensor {
	return t.unary("tanh", func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Tanh(ctx, t.p) })
}

// Sigmoid is 1/(1+e^-t).
func (t Tensor) Sigmoid() Tensor {
	return t.unary("sigmoid", func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Sigmoid(ctx, t.p) })
}

// Exp is e^t.
func (t Tensor) Exp() Tensor {
	return t.unary("exp", func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Exp(ctx, t.p) })
}

// SiLU is t/(1+e^-t).
func (t Tensor) SiLU() Tensor {
	return t.unary("silu", func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.SiLU(ctx, t.p) })
}

// Softplus is log(1+e^t).
func (t Tensor) Softplus() Tensor {
	return t.unary("softplus", func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Softplus(ctx, t.p) })
}

// Scale is t*s.
func (t Tensor) Scale(s float32) Tensor {
	return t.unaryWith("scale", s, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.ScaleBias(ctx, t.p, s, 0) })
}

// Norm subtracts the mean of each row and divides the row by its standard deviation: (t - mean) / sqrt(variance + eps). The variance is
// divided by the number of elements.
func (t Tensor) Norm(eps float32) Tensor {
	return t.rows("norm", eps, t.ne, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Norm(ctx, t.p, eps) })
}

// RMSNorm divides each row by the root of the mean of its squares: t / sqrt(mean of t² + eps).
func (t Tensor) RMSNorm(eps float32) Tensor {
	return t.rows("rms_norm", eps, t.ne, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.RMSNorm(ctx, t.p, eps) })
}

// L2Norm divides each row by its length: t / max(|t|, eps).
func (t Tensor) L2Norm(eps float32) Tensor {
	return t.rows("l2_norm", eps, t.ne, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.L2Norm(ctx, t.p, eps) })
}

// SumRows is the sum of each row: [n, ...] becomes [1, ...].
func (t Tensor) SumRows() Tensor {
	shape := t.ne
	shape[0] = 1
	return t.rows("sum_rows", 0, shape, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.SumRows(ctx, t.p) })
}

// MatMul is the product of a matrix w with every column of t. t is [in, n, ...]. w is [in, out] in any type. The result is [out, n, ...].
func (t Tensor) MatMul(w Tensor) Tensor {
	if t.g != nil && t.g.Observe != nil {
		t.g.Observe(t, w)
	}
	ok := t.typ == gguf.F32 && t.Contiguous() && w.nb[0] == w.typ.BlockBytes() && w.nb[0] <= w.nb[1] &&
		t.ne[0] == w.ne[0] && w.ne[2] != 0 && w.ne[3] != 0 && t.ne[2]%w.ne[2] == 0 && t.ne[3]%w.ne[3] == 0
	o := Operation{Name: "mul_mat", Operands: []Tensor{t, w}, Shape: [4]int64{w.ne[1], t.ne[1], t.ne[2], t.ne[3]}}
	if ok {
		if y, ok := o.own(); ok {
			return y
		}
	}
	y := build(o, ok, "want contiguous F32 [in, n] and a matrix [in, out]",
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.MulMat(ctx, w.p, t.p) })
	y.g.inexact = true
	y.g.work = max(y.g.work, t.bytes()) // t in the type that the kernel multiplies with
	return y
}

// GetRows returns the rows of t with the given indices. t is [n, rows] in any type. index is I32 [k]. The result is F32 [n, k].
func (t Tensor) GetRows(index Tensor) Tensor {
	ok := index.typ == gguf.I32 && index.Rows() == 1 && t.ne[2] == 1 && t.ne[3] == 1 && t.nb[0] == t.typ.BlockBytes()
	o := Operation{Name: "get_rows", Operands: []Tensor{t, index}, Shape: [4]int64{t.ne[0], index.ne[0], 1, 1}}
	return operate(o, ok, "want a matrix and an I32 vector",
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.GetRows(ctx, t.p, index.p) })
}

// Concat joins t and o along dimension dim.
func (t Tensor) Concat(o Tensor, dim int) Tensor {
	ok, shape := t.dense() && o.dense(), t.ne
	for i := range 4 {
		ok = ok && (i == dim || t.ne[i] == o.ne[i])
	}
	shape[dim] += o.ne[dim]
	return operate(Operation{Name: "concat", Operands: []Tensor{t, o}, Shape: shape}, ok, fmt.Sprintf("want F32 tensors that differ in dimension %d only", dim),
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.Concat(ctx, t.p, o.p, int32(dim))
		})
}

// PadRows lengthens rows to n elements with zeros.
func (t Tensor) PadRows(n int64) Tensor {
	shape, more := t.ne, n-t.ne[0]
	shape[0] = n
	return operate(Operation{Name: "pad", Operands: []Tensor{t}, Shape: shape}, t.dense() && more >= 0, fmt.Sprintf("cannot be padded to %d", n),
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.Pad(ctx, t.p, int32(more), 0, 0, 0)
		})
}

// Repeat is t repeated to a shape. Each dimension of the shape must be a multiple of that of t.
func (t Tensor) Repeat(shape ...int64) Tensor {
	to := Tensor{ne: [4]int64{1, 1, 1, 1}}
	copy(to.ne[:], shape)
	return operate(Operation{Name: "repeat", Operands: []Tensor{t}, Shape: to.ne}, t.typ == gguf.F32 && t.repeatsTo(to), fmt.Sprintf("cannot be repeated to %v", shape),
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.Repeat(ctx, t.p, to.ne[0], to.ne[1], to.ne[2], to.ne[3])
		})
}

// Permute is a view of t with its dimensions in another order: dimension i of t becomes dimension to[i].
func (t Tensor) Permute(to ...int) Tensor {
	var ne, nb [4]int64
	seen := [4]bool{}
	ok := len(to) == 4 && t.typ.BlockSize() == 1
	for i := 0; ok && i < 4; i++ {
		if ok = to[i] >= 0 && to[i] < 4 && !seen[to[i]]; ok {
			seen[to[i]] = true
			ne[to[i]], nb[to[i]] = t.ne[i], t.nb[i]
		}
	}
	r := t.view("permute", ok, fmt.Sprintf("%v is no order of four dimensions", to), ne,
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.Permute(ctx, t.p, int32(to[0]), int32(to[1]), int32(to[2]), int32(to[3]))
		})
	r.typ, r.nb = t.typ, nb
	return r
}

// Cont is a contiguous copy of t.
func (t Tensor) Cont() Tensor {
	return operate(Operation{Name: "cont", Operands: []Tensor{t}, Shape: t.ne}, t.typ == gguf.F32, "want an F32 tensor",
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Cont(ctx, t.p) })
}

// CopyTo copies the elements of t to o when the graph is computed. o is a state or a view of a state.
func (t Tensor) CopyTo(o Tensor) Tensor {
	return operate(Operation{Name: "cpy", Operands: []Tensor{t, o}, Shape: o.ne}, t.dense() && o.dense() && t.Elements() == o.Elements(), "want F32 tensors of as many elements",
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor { return c.Cpy(ctx, t.p, o.p) })
}

// Reshape is a contiguous t in another shape with the same number of elements.
func (t Tensor) Reshape(shape ...int64) Tensor {
	ne := [4]int64{1, 1, 1, 1}
	copy(ne[:], shape)
	r := t.view("reshape", t.Contiguous() && t.Elements() == ne[0]*ne[1]*ne[2]*ne[3], fmt.Sprintf("cannot become %v", shape), ne,
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.Reshape(ctx, t.p, ne[0], ne[1], ne[2], ne[3])
		})
	return r.as(t.typ)
}

// Slice is a view of the elements first to first+n-1 of dimension dim.
func (t Tensor) Slice(dim int, first, n int64) Tensor {
	ne, nb := t.ne, t.nb
	ne[dim] = n
	ok := first >= 0 && n >= 0 && first+n <= t.ne[dim] && (dim > 0 || t.typ.BlockSize() == 1)
	r := t.view("view", ok, fmt.Sprintf("has no %d elements from %d on in dimension %d", n, first, dim), ne,
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.View(ctx, t.p, ne[0], ne[1], ne[2], ne[3], uintptr(nb[1]), uintptr(nb[2]), uintptr(nb[3]), uintptr(first*nb[dim]))
		})
	r.typ, r.nb = t.typ, nb
	return r
}

// Every is a view of n elements of dimension dim: first, first+step, first+2·step, ...
func (t Tensor) Every(dim int, first, step, n int64) Tensor {
	ne, nb := t.ne, t.nb
	ne[dim], nb[dim] = n, step*nb[dim]
	ok := dim > 0 && first >= 0 && step > 0 && n > 0 && first+step*(n-1) < t.ne[dim]
	r := t.view("view", ok, fmt.Sprintf("has no %d elements from %d on in steps of %d in dimension %d", n, first, step, dim), ne,
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.View(ctx, t.p, ne[0], ne[1], ne[2], ne[3], uintptr(nb[1]), uintptr(nb[2]), uintptr(nb[3]), uintptr(first*t.nb[dim]))
		})
	r.typ, r.nb = t.typ, nb
	return r
}

// Flat is a view of a contiguous t as a contiguous tensor of the given shape. It begins at the element with index first.
func (t Tensor) Flat(first int64, shape ...int64) Tensor {
	v := Tensor{ne: [4]int64{1, 1, 1, 1}}
	copy(v.ne[:], shape)
	n := v.Elements()
	fillStrides(&v.nb, v.ne, t.typ)
	ok := t.dense() && t.Contiguous() && first >= 0 && first+n <= t.Elements()
	return t.view("view", ok, fmt.Sprintf("has no %v from element %d on", shape, first), v.ne,
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.View(ctx, t.p, v.ne[0], v.ne[1], v.ne[2], v.ne[3], uintptr(v.nb[1]), uintptr(v.nb[2]), uintptr(v.nb[3]), uintptr(4*first))
		})
}

func (t Tensor) as(typ gguf.Type) Tensor {
	t.typ = typ
	fillStrides(&t.nb, t.ne, typ)
	return t
}

// WKVStep must divide the head size of WKV6 and WKV7. At other sizes ggml's kernels read past the row, give wrong results or abort, even
// where they claim to support the size.
const WKVStep = 64

// RunsWKV reports whether the device computes WKV6 and WKV7 correctly for a head size, a multiple of WKVStep. Each backend claims to
// support every size. RunsWKV knows the sizes that the backends' source code really supports.
func (d Device) RunsWKV(headSize int64) bool {
	switch d.Backend {
	case "CPU":
		return true
	case "CUDA", "ROCm", "MUSA", "SYCL":
		return headSize == 64 || headSize == 128
	default: // Metal and Vulkan are compiled for 64
		return headSize == 64
	}
}

// WKV7 is RWKV-7's recurrence (RWKV-7 paper, section 4). r, w, k, v, a and b are [head size, heads, tokens]. The tokens of one sequence
// follow those of the sequence before. state is [head size² · heads, sequences]. For each head, with S[value][key]:
//
//	S = S·diag(w) + (S·a)·bᵀ + v·kᵀ,  y = S·r
//
// The result is [head size · heads, tokens + head size · sequences]: y for each token, then the states after the last.
func (r Tensor) WKV7(w, k, v, a, b, state Tensor) Tensor {
	size, heads, tokens, seqs := r.ne[0], r.ne[1], r.ne[2], state.ne[1]
	ok := size%WKVStep == 0 && size > 0 && seqs > 0 && tokens%seqs == 0 && state.ne[0] == size*size*heads &&
		state.typ == gguf.F32 && state.Contiguous() && state.Rows() == seqs
	for _, t := range []Tensor{r, w, k, v, a, b} {
		ok = ok && t.typ == gguf.F32 && t.Contiguous() && t.ne == r.ne
	}
	o := Operation{Name: "rwkv_wkv7", Operands: []Tensor{r, w, k, v, a, b, state}, Shape: [4]int64{size * heads, tokens + size*seqs, 1, 1}}
	return operate(o, ok, fmt.Sprintf("want six equal F32 tensors with a head size that is a multiple of %d and a state", WKVStep),
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.WKV7(ctx, r.p, w.p, k.p, v.p, a.p, b.p, state.p)
		})
}

// WKV6 is the recurrence of RWKV-5 and 6 (Eagle and Finch paper, section 4). k, v, r and the decay w, a factor, are [head size, heads,
// tokens]. u is [head size, heads]. state has the shape of WKV7's. For each head, with S[key][value]:
//
//	y = r·(diag(u)·kᵀ·v + S),  S = diag(w)·S + kᵀ·v
//
// The result has the shape of WKV7's.
func (k Tensor) WKV6(v, r, u, w, state Tensor) Tensor {
	size, heads, tokens, seqs := k.ne[0], k.ne[1], k.ne[2], state.ne[1]
	ok := size%WKVStep == 0 && size > 0 && seqs > 0 && tokens%seqs == 0 && state.ne[0] == size*size*heads &&
		state.typ == gguf.F32 && state.Contiguous() && state.Rows() == seqs &&
		u.typ == gguf.F32 && u.Contiguous() && u.ne == [4]int64{size, heads, 1, 1}
	for _, t := range []Tensor{k, v, r, w} {
		ok = ok && t.typ == gguf.F32 && t.Contiguous() && t.ne == k.ne
	}
	o := Operation{Name: "rwkv_wkv6", Operands: []Tensor{k, v, r, u, w, state}, Shape: [4]int64{size * heads, tokens + size*seqs, 1, 1}}
	return operate(o, ok, fmt.Sprintf("want four equal F32 tensors with a head size that is a multiple of %d, a bonus and a state", WKVStep),
		func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
			return c.WKV6(ctx, k.p, v.p, r.p, u.p, w.p, state.p)
		})
}
