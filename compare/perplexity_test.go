package compare

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

// short is a text of 71 tokens.
const short = "The goose said to the gander: let us fly away, far away,\n\nover the sea.\n"

func (p place) perplexity(text Text) PerplexityOptions {
	return PerplexityOptions{Options: p.opts, Model: Model{Path: p.path("base.gguf")}, Text: text, Context: 16}
}

func TestPerplexity(t *testing.T) {
	p := newPlace(t)
	ggmltest.NoLeaks(t)
	o := p.perplexity(Text{Path: p.file("short.txt", short)})
	begin := time.Unix(0, 0)
	ctx := clock.With(t.Context(), func() time.Time { begin = begin.Add(2 * time.Second); return begin })
	var events log
	var news string
	o.Progress = func(e Event) { events.add(e); news = e.News }
	r, err := Perplexity(ctx, o)
	require.NoError(t, err)
	assert.Equal(t, []any{o.Model.Path, o.Text.Path, 16, 4, 28, int64(28), 60}, []any{r.Model, r.Text, r.Context, r.Windows, r.Scored, r.Bytes, r.Read})
	assert.Greater(t, r.PPL.Value, 1.0)
	assert.InDelta(t, 2, float64(r.Seconds), 1e-9)
	assert.InDelta(t, 30, float64(r.Speed), 1e-9)
	assert.Equal(t, []string{"base.gguf"}, events.steps)
	assert.Zero(t, events.open)
	assert.Regexp(t, `^PPL \d+\.\d{4} ± \d+\.\d{4}$`, news)

	input := p.perplexity(Text{Path: "-", Data: []byte(short)})
	input.Chunks = 4
	same, err := Perplexity(t.Context(), input)
	require.NoError(t, err)
	assert.Equal(t, r.Perplexity, same.Perplexity)
	assert.Equal(t, "standard input", same.Text)

	lines := p.perplexity(Text{Path: p.file("short.jsonl", "{\"text\": \"The goose said to the gander: let us fly away, far away,\"}\n{\"text\": \"over the sea.\", \"other\": 1}\n")})
	same, err = Perplexity(t.Context(), lines)
	require.NoError(t, err)
	assert.Equal(t, r.Perplexity, same.Perplexity)

	o.Stream = true
	r, err = Perplexity(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, []any{0, 1, 70, int64(70)}, []any{r.Context, r.Windows, r.Scored, r.Bytes})
}

func TestPerplexityByAClockThatStandsStill(t *testing.T) {
	p := newPlace(t)
	o := p.perplexity(Text{Path: p.path("book.txt")})
	r, err := Perplexity(clock.With(t.Context(), func() time.Time { return time.Unix(0, 0) }), o)
	require.NoError(t, err)
	assert.False(t, r.Speed.Finite())
}

func TestTextsThatCannotBeMeasured(t *testing.T) {
	p := newPlace(t)
	for name, tc := range map[string]struct {
		text Text
		want string
	}{
		"an empty one":                {Text{Path: p.file("empty.txt", "\n")}, "empty.txt: the text is empty"},
		"nothing on standard input":   {Text{Path: "-"}, "standard input: the text is empty"},
		"one of too few tokens":       {Text{Path: p.file("few.txt", "goose")}, "few.txt: the text has 5 tokens, at least 32 are needed"},
		"lines without a text":        {Text{Path: p.file("bad.jsonl", "{\"text\": \"a\"}\n{\"words\": \"b\"}\n")}, `bad.jsonl: line 2 has no field "text"`},
		"one that is not there":       {Text{Path: p.path("missing.txt")}, "missing.txt"},
		"what Git LFS leaves of them": {Text{Path: p.file("lfs.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n")}, "Git LFS"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Perplexity(t.Context(), p.perplexity(tc.text))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestOddTextsAreNoted(t *testing.T) {
	p := newPlace(t)
	var events log
	o := p.perplexity(Text{Path: p.file("marked.txt", "\xef\xbb\xbf"+book)})
	o.Progress = events.add
	_, err := Perplexity(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, []string{p.path("marked.txt") + ": the byte order mark at its beginning is left out"}, events.notes)
}

func TestAModelWithoutATokenizerReadsNoText(t *testing.T) {
	p := newPlace(t)
	m := p.model("odd.gguf", p.mix("f32").Matrix, func(c *synth.Config) { c.Vocab = 3000 })
	o := p.perplexity(Text{Path: p.path("book.txt")})
	o.Model = m
	_, err := Perplexity(t.Context(), o)
	var none *NoTokenizerError
	require.ErrorAs(t, err, &none)
	asked := p.asked()
	asked.Model = m
	_, err = Tasks(t.Context(), asked)
	require.ErrorAs(t, err, &none)
}
