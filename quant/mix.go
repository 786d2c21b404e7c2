// Package quant decides which type each tensor of a model gets and writes models in those types: from another GGUF file
// (Quantize) or from whatever else gives the elements (Write). Work is spread over all cores in small pieces, so the
// memory it takes does not grow with the model.
package quant

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gosling/gguf"
	"gosling/rwkv"
)

// Mix says which type each class of tensors gets.
type Mix struct {
	Name     string // "Q4_K_M"
	FileType uint32 // llama.cpp's number for the key general.file_type

	Matrix, Embedding, Head gguf.Type
}

//go:embed mixes.txt
var mixesText string

// Mixes lists the mixes, from the most precise to the smallest of each kind.
var Mixes = sync.OnceValue(func() []Mix {
	var mixes []Mix
	for line := range strings.Lines(mixesText) {
		f := strings.Fields(line)
		if len(f) != 5 || f[0] == "#" {
			continue
		}
		number, err := strconv.ParseUint(f[1], 10, 32)
		types := make([]gguf.Type, 3)
		for i := range types {
			var typeErr error
			if types[i], typeErr = gguf.ParseType(f[2+i]); typeErr != nil {
				err = typeErr
			}
		}
		if err != nil {
			panic(fmt.Sprintf("quant: internal error: mixes.txt: %q: %v", line, err))
		}
		mixes = append(mixes, Mix{Name: f[0], FileType: uint32(number), Matrix: types[0], Embedding: types[1], Head: types[2]})
	}
	return mixes
})

// aliases are the short names that llama.cpp knows too.
var aliases = map[string]string{"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}

// ParseMix finds a mix by name, whatever its case.
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

// Type is the type that a tensor of a checkpoint gets, given its class and the length of its rows.
func (m Mix) Type(class rwkv.Class, rowLen int64) gguf.Type {
	switch class {
	case rwkv.Matrix:
		return fitting(m.Matrix, rowLen)
	case rwkv.Embedding:
		return fitting(m.Embedding, rowLen)
	case rwkv.Head:
		return fitting(m.Head, rowLen)
	case rwkv.LowRank:
		return fitting(m.lowRank(), rowLen)
	default:
		return gguf.F32
	}
}

// Retype is Type for a tensor that has a type already: low-rank pairs keep theirs, unless all becomes floating point.
func (m Mix) Retype(class rwkv.Class, rowLen int64, from gguf.Type) gguf.Type {
	if class == rwkv.LowRank && !m.Floating() {
		return from
	}
	return m.Type(class, rowLen)
}

// fallbacks are the types of smaller blocks that stand in where rows are no multiple of 256, as in llama.cpp.
var fallbacks = map[gguf.Type]gguf.Type{
	gguf.Q2_K: gguf.Q4_0, gguf.Q3_K: gguf.Q4_0, gguf.TQ1_0: gguf.Q4_0, gguf.TQ2_0: gguf.Q4_0,
	gguf.Q4_K: gguf.Q5_0, gguf.Q5_K: gguf.Q5_1, gguf.Q6_K: gguf.Q8_0,
	gguf.IQ1_S: gguf.IQ4_NL, gguf.IQ1_M: gguf.IQ4_NL, gguf.IQ2_XXS: gguf.IQ4_NL, gguf.IQ2_XS: gguf.IQ4_NL, gguf.IQ2_S: gguf.IQ4_NL,
	gguf.IQ3_XXS: gguf.IQ4_NL, gguf.IQ3_S: gguf.IQ4_NL, gguf.IQ4_XS: gguf.IQ4_NL,
}

// fitting is the type itself, or what stands in for it where rows do not fit its blocks; F16 where nothing else does.
func fitting(t gguf.Type, rowLen int64) gguf.Type {
	for _, candidate := range []gguf.Type{t, fallbacks[t]} {
		if candidate.BlockSize() > 0 && rowLen%candidate.BlockSize() == 0 && (candidate == t || candidate != gguf.F32) {
			return candidate
		}
	}
	return gguf.F16
}

func floating(t gguf.Type) bool {
	return slices.Contains([]gguf.Type{gguf.F32, gguf.F16, gguf.BF16}, t)
}
