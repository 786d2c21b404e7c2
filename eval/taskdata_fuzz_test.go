package eval

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// FuzzLambada reads lines of texts. Question and answer together must be the text, and the answer its last word.
func FuzzLambada(f *testing.F) {
	f.Add([]byte(`{"text":"the goose is white"}`))
	f.Add([]byte("{\"text\":\"a\\u00a0b \\ud800\"}\n\n{\"text\":\" b\"}"))
	f.Add([]byte(`{"text":7}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		vocab := tokenizer.Bytes()
		questions, err := Lambada(data, vocab)
		if err != nil {
			return
		}
		require.NotEmpty(t, questions)
		for _, q := range questions {
			require.Equal(t, tokenizer.EndOfText, q.Prompt[0])
			word := string(vocab.Decode(q.Answer))
			require.Equal(t, 0, strings.LastIndexByte(word, ' '), "%q is a blank and a word", word)
			require.Greater(t, len(word), 1)
			require.Greater(t, len(q.Prompt), 1)
			require.LessOrEqual(t, len(q.Prompt)+len(q.Answer), 3*len(data)+1)
		}
	})
}

// FuzzMMLU reads rows of CSV. Each question must have four choices, one right answer, and everything in the row.
func FuzzMMLU(f *testing.F) {
	f.Add("What honks?,a cat,a dog,a goose,a cow,C\n")
	f.Add("\"one, \"\"two\"\"\n\",1,2,3,4, B \n")
	f.Add("a,b,c,d,e,AB\n")
	f.Add("a,b,c\n\r\n,,,,,")
	f.Add(",,\r,,,A") // the line end of the format follows the CR
	f.Fuzz(func(t *testing.T, data string) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		vocab, choices := tokenizer.Bytes(), []tokenizer.Token{1, 2, 3, 4}
		questions, err := mmluRows(strings.NewReader(data), "geese", vocab, choices)
		if err != nil {
			return
		}
		rows, err := csv.NewReader(strings.NewReader(data)).ReadAll()
		require.NoError(t, err)
		require.Len(t, questions, len(rows))
		for i, q := range questions {
			require.Equal(t, choices, q.Choices)
			require.Equal(t, string("ABCD"[q.Right]), strings.TrimSpace(rows[i][5]))
			text := string(vocab.Decode(q.Prompt[1:]))
			for _, cell := range rows[i][:5] {
				require.Contains(t, text, strings.ReplaceAll(cell+"\n", "\r\n", "\n"))
			}
		}
	})
}
