package guide_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/guide"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// writer samples texts from random logits, as a model without any sense would write them.
type writer struct {
	vocab  tokenizer.Tokenizer
	guides *guide.Guides
	random *rand.Rand
	noise  []float32 // twice as long as logits
	logits []float32
	prefer map[tokenizer.Token]float32 // added to the logits
}

func newWriter(vocab tokenizer.Tokenizer) *writer {
	w := &writer{vocab: vocab, guides: guide.For(vocab), random: rand.New(rand.NewPCG(1, 2)), logits: make([]float32, vocab.Len())}
	for range 2 * vocab.Len() {
		w.noise = append(w.noise, float32(w.random.NormFloat64()*3))
	}
	return w
}

// write returns a text, its tokens, and whether the text ended before the limit.
func (w *writer) write(t testing.TB, o guide.Options, so sampler.Options, limit int) (text string, tokens []tokenizer.Token, ended bool) {
	t.Helper()
	o.Ends = w.vocab.Marks().End
	g, err := w.guides.New(o)
	require.NoError(t, err)
	defer g.Close()
	so.Guide, so.Seed = g, w.random.Uint64()
	s, err := sampler.New(so)
	require.NoError(t, err)
	for range limit {
		copy(w.logits, w.noise[w.random.IntN(len(w.logits)):])
		for token, more := range w.prefer {
			w.logits[token] += more
		}
		token, err := s.Sample(w.logits)
		require.NoError(t, err, text)
		if token == tokenizer.EndOfText {
			return text, tokens, true
		}
		piece, _ := w.vocab.Bytes(token)
		text, tokens = text+string(piece), append(tokens, token)
	}
	return text, tokens, false
}

func any(p grammar.Part) *grammar.Part { return &p }

var creative = sampler.Options{Temperature: 1, TopP: 0.9, PresencePenalty: 0.4}

func TestATextEndsWhereItsFormDoes(t *testing.T) {
	for name, vocab := range map[string]tokenizer.Tokenizer{"World": tokenizer.World(), "bytes": tokenizer.Bytes()} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(vocab)
			for _, ignoreEnd := range []bool{false, true} {
				form := grammar.Either(grammar.Text("yes"), grammar.GBNF(`root ::= "no" [!]{0,3}`))
				text, _, ended := w.write(t, guide.Options{Form: &form, IgnoreEnd: ignoreEnd}, creative, 20)
				assert.True(t, ended)
				assert.Regexp(t, "^(yes|no!{0,3})$", text)
				if ignoreEnd && text != "yes" {
					assert.Equal(t, "no!!!", text)
				}
			}
		})
	}
}

func TestForcedTokensAreCutAsTheTokenizerCuts(t *testing.T) {
	w := newWriter(tokenizer.World())
	const whole = `{"name":"get_the_weather","arguments":{"city":"London"}}`
	text, tokens, ended := w.write(t, guide.Options{Form: any(grammar.Text(whole))}, creative, 60)
	assert.True(t, ended)
	assert.Equal(t, whole, text)
	want, err := w.vocab.Encode([]byte(whole))
	require.NoError(t, err)
	assert.Equal(t, want, tokens)
}

func TestAStopStringWithoutAPlaceIsAnEnd(t *testing.T) {
	w := newWriter(tokenizer.World())
	stop, err := w.vocab.Encode([]byte("\n\nUser:"))
	require.NoError(t, err)
	w.prefer = map[tokenizer.Token]float32{stop[0]: 100}
	o := guide.Options{Form: any(grammar.GBNF(`root ::= "Goose" [a-z ]*`)), Begun: "Goose", Stops: []string{"\n\nUser:"}}
	text, _, ended := w.write(t, o, sampler.Options{}, 50)
	assert.True(t, ended, text)
	assert.Empty(t, text)
	o.Stops = nil
	_, _, ended = w.write(t, o, sampler.Options{}, 50)
	assert.False(t, ended)
}

func TestAFormBeginsBehindThoughts(t *testing.T) {
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	for _, mode := range prompt.ThinkModes() {
		t.Run(mode.Name, func(t *testing.T) {
			f := chat.Format{Template: g1, Think: mode}
			form, ok := f.Grammar(f.Start(), any(grammar.Schema(`{"type":"array","items":{"type":"boolean"},"minItems":3,"maxItems":5}`)))
			require.True(t, ok)
			for _, vocab := range []tokenizer.Tokenizer{tokenizer.World(), tokenizer.Bytes()} {
				w := newWriter(vocab)
				for range 4 {
					budget := 9
					text, _, ended := w.write(t, guide.Options{Form: &form, Budget: &budget, Splitter: f.NewSplitter(f.Start())}, creative, 400)
					require.True(t, ended, "%q", text)
					var answer, thoughts strings.Builder
					s := f.NewSplitter(f.Start())
					for _, p := range append(s.Push(text), s.Flush()...) {
						if p.Kind == chat.Thoughts {
							thoughts.WriteString(p.Text)
						} else {
							answer.WriteString(p.Text)
						}
					}
					assert.Regexp(t, `^\[[ \n]*(true|false)(,[ \n]*(true|false)){2,4}[ \n]*\]$`, answer.String(), "%q", text)
					assert.Equal(t, mode.Start != "" && mode.Name != "fast" && mode.Name != "empty", thoughts.Len() > 0)
				}
			}
		})
	}
}

func TestWhereNoTokenFits(t *testing.T) {
	guides := guide.For(tokenizer.Bytes())
	_, err := guides.New(guide.Options{Form: any(grammar.GBNF("root ::= x").At("grammar"))})
	var bad *guide.FormError
	require.ErrorAs(t, err, &bad)
	var source *grammar.Error
	require.ErrorAs(t, err, &source)
	_, err = guides.New(guide.Options{Form: any(grammar.Text("abc")), Begun: "ax"})
	require.ErrorAs(t, err, &bad)
	assert.EqualError(t, err, `at byte 0 of the text: the grammar does not allow "x" after "a"`)

	g, err := guides.New(guide.Options{Form: any(grammar.GBNF(`root ::= "ab" [xy]`)), Begun: "ab"})
	require.NoError(t, err)
	defer g.Close()
	s, err := sampler.New(sampler.Options{Guide: g, Logits: map[tokenizer.Token]float64{'x' + 1: math.Inf(-1), 'y' + 1: math.Inf(-1)}})
	require.NoError(t, err)
	_, err = s.Sample(make([]float32, 257))
	var stuck *guide.StuckError
	require.ErrorAs(t, err, &stuck)
	assert.True(t, stuck.Banned)
	assert.EqualError(t, err, "at byte 2 of the text: all tokens that fit are banned")
}

func TestNothingToGuide(t *testing.T) {
	g, err := guide.For(tokenizer.Bytes()).New(guide.Options{})
	require.NoError(t, err)
	assert.Nil(t, g)
	g.Close()
}
