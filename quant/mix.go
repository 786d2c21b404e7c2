// Package quant decides which type each tensor of a model gets, and writes models in those types.
//
// A Mix such as Q4_K_M names the types: one for the matrices of the layers, one for the embedding, one for the head. Mixes lists them;
// mixes.txt holds them. A tensor whose rows do not fit the blocks of a type gets a similar type instead. Vectors are always F32. There
// are two ways to differ from a mix:
//
//   - Overrides give types to tensors by patterns of their names.
//   - A Sensitivity says how much each part of a model suffers from rounding, as the command "sensitivity" measured it. Assign chooses a
//     type for every tensor within a Budget.
//
// Quantize writes a GGUF file in other types. Write does the same for any source of elements; package convert uses it. Both split the
// work into small pieces for many threads, so memory does not grow with the model. Elements must be finite before and after, so a damaged
// model is an error. With an Importance, channels that are used more are rounded more carefully.
//
// Types in blocks need ggml, through a Quantizer; *ggml.Library is one. F32, F16 and BF16 do not.
package quant

import (
	"cmp"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Mix names the types of a model's tensors. ParseMix finds one by name.
type Mix struct {
	Name     string // "Q4_K_M"
	FileType uint32 // llama.cpp's number for the key general.file_type

	Matrix, Embedding, Head gguf.Type

	exceptions []exception // the first that fits a tensor counts. Only mixes of our own have any
}

// exception gives the tensors of one kind another type than the other tensors of their class.
type exception struct {
	kind string // "time_mix_value", decayKind or lowRankKind
	typ  gguf.Type
}

// The kinds of all low-rank pairs together: decayKind for those that feed the decay (in version 6 also the token shifts), lowRankKind for
// the others.
const (
	decayKind   = "decay_low_rank"
	lowRankKind = "low_rank"
)

//go:embed mixes.txt
var mixesText string

// Mixes lists the mixes, from the most precise to the smallest of each kind. The slice is shared and must not be changed.
func Mixes() []Mix { return mixes() }

var mixes = sync.OnceValue(func() []Mix {
	var mixes []Mix
	for line := range strings.Lines(mixesText) {
		if f := strings.Fields(line); len(f) >= 5 && f[0] != "#" {
			m, err := parseMixLine(f)
			if err != nil {
				panic(fmt.Sprintf("quant: internal error: mixes.txt: %q: %v", line, err))
			}
			mixes = append(mixes, m)
		}
	}
	return mixes
})

// parseMixLine reads the fields of a line of mixes.txt.
func parseMixLine(f []string) (Mix, error) {
	number, err := strconv.ParseUint(f[1], 10, 32)
	m := Mix{Name: f[0], FileType: uint32(number)}
	for i, dst := range []*gguf.Type{&m.Matrix, &m.Embedding, &m.Head} {
		var typeErr error
		*dst, typeErr = gguf.ParseType(f[2+i])
		err = cmp.Or(err, typeErr)
	}
	for _, field := range f[5:] {
		kind, name, _ := strings.Cut(field, "=")
		typ, typeErr := gguf.ParseType(name)
		err = cmp.Or(err, typeErr)
		m.exceptions = append(m.exceptions, exception{kind, typ})
	}
	return m, err
}

// aliases are the short names that llama.cpp knows too.
var aliases = map[string]string{"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}

// ParseMix returns the mix with this name, in upper or lower case. An unknown name is an error.
func ParseMix(name string) (Mix, error) {
	upper := strings.ToUpper(name)
	if full, ok := aliases[upper]; ok {
		upper = full
	}
	var names []string
	for _, m := range Mixes() {
		if m.Name == upper {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Mix{}, fmt.Errorf("no type %q: there is %s", name, strings.Join(names, ", "))
}

// Floating reports whether the mix keeps every tensor in floating point.
func (m Mix) Floating() bool { return floating(m.Matrix) }

// lowRank is the type of the low-rank pairs of a model that is made from a checkpoint.
func (m Mix) lowRank() gguf.Type {
	if m.Floating() || m.Matrix == gguf.Q8_0 {
		return m.Matrix
	}
	return gguf.F16
}

// Type returns the type that a tensor of a checkpoint gets.
func (m Mix) Type(s rwkv.TensorSpec) gguf.Type {
	if !roundable(s) {
		return gguf.F32
	}
	if typ, ok := m.exception(s); ok {
		return fitting(typ, s)
	}
	class := map[rwkv.Class]gguf.Type{
		rwkv.Matrix: m.Matrix, rwkv.Embedding: m.Embedding, rwkv.Head: m.Head, rwkv.LowRank: m.lowRank(), rwkv.Decay: gguf.F32,
	}
	return fitting(class[s.Class], s)
}

// Retype returns the new type of a tensor of a GGUF file. from is its type in the file. Low-rank pairs keep their type, unless
// the mix names them or keeps everything in floating point. For other tensors the result is that of Type.
func (m Mix) Retype(s rwkv.TensorSpec, from gguf.Type) gguf.Type {
	_, named := m.exception(s)
	if pair := s.Class == rwkv.LowRank || s.Class == rwkv.Decay; pair && !named && !m.Floating() {
		return from
	}
	return m.Type(s)
}

// exception is the type that a kind has of its own.
func (m Mix) exception(s rwkv.TensorSpec) (gguf.Type, bool) {
	for _, e := range m.exceptions {
		if e.kind == roundingKind(s) {
			return e.typ, true
		}
	}
	return 0, false
}

// roundingKind is the kind that a tensor is rounded with: as rwkv.KindOf names it, but low-rank pairs go together.
func roundingKind(s rwkv.TensorSpec) string {
	switch s.Class {
	case rwkv.LowRank:
		return lowRankKind
	case rwkv.Decay:
		return decayKind
	default:
		return rwkv.KindOf(s.Name)
	}
}

// roundable reports whether a tensor may have another type than F32: norms and other vectors may not, nor may version 6's stack of
// low-rank matrices, since ggml's code for AMX, which llama.cpp gives it to, cannot multiply stacks.
func roundable(s rwkv.TensorSpec) bool {
	return s.Class != rwkv.Vector && s.Class != rwkv.Tuned && len(s.Shape) < 3
}

// fallbacks are the types of smaller blocks that replace a type if the length of rows is not a multiple of 256, as in llama.cpp.
var fallbacks = map[gguf.Type]gguf.Type{
	gguf.Q2_K: gguf.Q4_0, gguf.Q3_K: gguf.Q4_0, gguf.TQ1_0: gguf.Q4_0, gguf.TQ2_0: gguf.Q4_0,
	gguf.Q4_K: gguf.Q5_0, gguf.Q5_K: gguf.Q5_1, gguf.Q6_K: gguf.Q8_0,
	gguf.IQ1_S: gguf.IQ4_NL, gguf.IQ1_M: gguf.IQ4_NL, gguf.IQ2_XXS: gguf.IQ4_NL, gguf.IQ2_XS: gguf.IQ4_NL, gguf.IQ2_S: gguf.IQ4_NL,
	gguf.IQ3_XXS: gguf.IQ4_NL, gguf.IQ3_S: gguf.IQ4_NL, gguf.IQ4_XS: gguf.IQ4_NL,
}

// fitting is the type that a tensor gets for a wanted one: the same, or what stands in for it where rows do not fit its blocks; F16
// where nothing else does. What feeds the decay gets no fewer than 8 bits, since over a long text its errors multiply.
func fitting(t gguf.Type, s rwkv.TensorSpec) gguf.Type {
	if s.Class == rwkv.Decay && !floating(t) {
		t = gguf.Q8_0
	}
	for _, candidate := range []gguf.Type{t, fallbacks[t]} {
		if candidate.BlockSize() > 0 && s.Shape[0]%candidate.BlockSize() == 0 && (candidate == t || candidate != gguf.F32) {
			return candidate
		}
	}
	return gguf.F16
}

func floating(t gguf.Type) bool { return t.Format() != 0 }
