package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPiecesAreComposedAsTheWholeIs cuts texts of everything that composing looks at into pieces of a few bytes.
func TestPiecesAreComposedAsTheWholeIs(t *testing.T) {
	parts := []string{"a", "e", "\u0301", "\u0323", "\u0300", "é", "\u1100", "\u1161", "\u11a8", "가", "\xff", "\xe2\x82", "\u1abf", "\U0001133b", "が", "\u3099", "か", " ", "\u0344", "Å"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var b strings.Builder
		for range random.IntN(40) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		text := []byte(b.String())
		want := string(compose(decompose(text)))
		for _, n := range []int{1, 3, 8} {
			var got []byte
			for rest := text; len(rest) > 0; {
				at := pieceOf(rest, n)
				require.Positive(t, at)
				got = append(got, compose(decompose(rest[:at]))...)
				rest = rest[at:]
			}
			require.Equal(t, want, string(got), "%q", text)
		}
	}
}

func TestALongTextIsComposed(t *testing.T) {
	text := strings.Repeat("e\u0301", composedAtOnce)
	assert.True(t, strings.Repeat("é", composedAtOnce) == string(composed([]byte(text))))
}
