package tokenizer_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// megabyte repeats text up to a megabyte.
func megabyte(text string) []byte { return bytes.Repeat([]byte(text), 1<<20/len(text)) }

// everyToken returns the text of all tokens, one after the other.
func everyToken() []byte {
	ids := make([]tokenizer.Token, tokenizer.World().Len())
	for i := range ids {
		ids[i] = tokenizer.Token(i)
	}
	return bytes.ToValidUTF8(tokenizer.World().Decode(ids), nil)
}

// shuffled is text in which hardly a word comes twice.
func shuffled() []byte {
	text := make([]byte, 0, 1<<20)
	for i := uint32(1); len(text) < 1<<20-12; i++ {
		for x := i * 2654435761; x > 0; x /= 27 {
			text = append(text, " abcdefghijklmnopqrstuvwxyz"[x%27])
		}
	}
	return text
}

// BenchmarkEncode goes over what people write and over what makes a tokenizer slow.
func BenchmarkEncode(b *testing.B) {
	benchmarkTexts(b, tokenizer.World())
}

func BenchmarkEncodeNeoX(b *testing.B) {
	benchmarkTexts(b, tokenizer.NeoX())
}

func benchmarkTexts(b *testing.B, v tokenizer.Tokenizer) {
	source, err := os.ReadFile("vocab.go")
	require.NoError(b, err)
	for name, text := range map[string][]byte{
		"chinese":        megabyte("鹅是一种大型水禽，它们在草地上吃草，排成人字形飞行，整天和邻居们争吵不休。"),
		"go":             megabyte(string(source)),
		"every token":    everyToken(),
		"decomposed":     megabyte("Ga\u0308nse u\u0308ber O\u0308sterreich, "),
		"words":          shuffled(),
		"spaces":         megabyte(" "),
		"broken dashes":  megabyte("//" + strings.Repeat("-", 63)),
		"broken russian": megabyte(" энциклопе"),
		"zeros":          megabyte("\x00"),
	} {
		b.Run(name, func(b *testing.B) { benchmarkEncode(b, v, text) })
	}
	b.Run("english", func(b *testing.B) {
		text, err := os.ReadFile(shared(b, "tinyshakespeare.txt"))
		require.NoError(b, err)
		benchmarkEncode(b, v, text)
	})
}

func benchmarkEncode(b *testing.B, v tokenizer.Tokenizer, text []byte) {
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, err := v.Encode(text)
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
