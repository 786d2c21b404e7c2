package tokenizer

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// texts are a megabyte each of what people write, and of what makes a tokenizer slow.
func texts(b *testing.B) map[string][]byte {
	source, err := os.ReadFile("vocab.go")
	require.NoError(b, err)
	full := func(s string) []byte { return bytes.Repeat([]byte(s), 1<<20/len(s)) }
	return map[string][]byte{
		"english":        full("The goose is a large waterfowl; geese graze in meadows, fly in a wedge and quarrel with their neighbours all day long. "),
		"chinese":        full("鹅是一种大型水禽，它们在草地上吃草，排成人字形飞行，整天和邻居们争吵不休。"),
		"go":             full(string(source)),
		"every token":    []byte(World().text),
		"spaces":         full(" "),
		"broken dashes":  full("//" + strings.Repeat("-", 63)),
		"broken russian": full(" энциклопе"),
		"zeros":          full("\x00"),
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, text := range texts(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			dst := make([]Token, 0, len(text))
			for b.Loop() {
				var err error
				dst, err = World().AppendEncode(dst[:0], text)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	ids, err := World().Encode(texts(b)["english"])
	require.NoError(b, err)
	b.SetBytes(1 << 20)
	for b.Loop() {
		World().Decode(ids)
	}
}

func BenchmarkMakeWorld(b *testing.B) {
	for b.Loop() {
		v, err := unpack(worldTokens, worldCount)
		require.NoError(b, err)
		b.ReportMetric(float64(len(v.trie.cells)), "cells")
	}
}
