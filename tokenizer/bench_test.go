package tokenizer_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gosling/tokenizer"
)

// megabyte repeats text up to a megabyte.
func megabyte(text string) []byte { return bytes.Repeat([]byte(text), 1<<20/len(text)) }

// everyToken returns the text of all tokens, one after the other.
func everyToken() []byte {
	ids := make([]tokenizer.Token, tokenizer.World().Len())
	for i := range ids {
		ids[i] = tokenizer.Token(i)
	}
	return tokenizer.World().Decode(ids)
}

// BenchmarkEncode goes over what people write and over what makes a tokenizer slow.
func BenchmarkEncode(b *testing.B) {
	source, err := os.ReadFile("vocab.go")
	require.NoError(b, err)
	for name, text := range map[string][]byte{
		"chinese":        megabyte("鹅是一种大型水禽，它们在草地上吃草，排成人字形飞行，整天和邻居们争吵不休。"),
		"go":             megabyte(string(source)),
		"every token":    everyToken(),
		"spaces":         megabyte(" "),
		"broken dashes":  megabyte("//" + strings.Repeat("-", 63)),
		"broken russian": megabyte(" энциклопе"),
		"zeros":          megabyte("\x00"),
	} {
		b.Run(name, func(b *testing.B) { benchmarkEncode(b, text) })
	}
	b.Run("english", func(b *testing.B) {
		text, err := os.ReadFile(shared(b, "tinyshakespeare.txt"))
		require.NoError(b, err)
		benchmarkEncode(b, text)
	})
}

func benchmarkEncode(b *testing.B, text []byte) {
	world, dst, err := tokenizer.World(), make([]tokenizer.Token, 0, len(text)), error(nil)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		dst, err = world.AppendEncode(dst[:0], text)
		require.NoError(b, err)
	}
}

func BenchmarkDecode(b *testing.B) {
	text := everyToken()
	ids := encode(b, tokenizer.World(), string(text))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tokenizer.World().Decode(ids)
	}
}

func BenchmarkMakeWorld(b *testing.B) {
	for b.Loop() {
		_, cells, err := tokenizer.MakeWorld()
		require.NoError(b, err)
		b.ReportMetric(float64(cells), "cells")
	}
}
