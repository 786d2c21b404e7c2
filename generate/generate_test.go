package generate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// script is a session that produces the given tokens, whatever it reads. It records what it has read.
type script struct {
	says []tokenizer.Token
	read []tokenizer.Token
	said int // tokens asked for since the prompt
	end  context.CancelFunc
	at   int // tokens after which end is called
}

func (s *script) Prefill(ctx context.Context, tokens []tokenizer.Token) ([]float32, error) {
	if s.end != nil && s.said == s.at {
		s.end()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.read = append(s.read, tokens...)
	logits := make([]float32, 65536)
	if s.said < len(s.says) {
		logits[s.says[s.said]] = 1
	} else {
		logits[tokenizer.EndOfText] = 1
	}
	s.said++
	return logits, nil
}

func (s *script) Snapshot() (engine.Snapshot, error) {
	return engine.Snapshot{Tokens: int64(len(s.read))}, nil
}

func (s *script) Restore(snap engine.Snapshot) error {
	s.read = s.read[:snap.Tokens]
	return nil
}

// tokens encodes each of the texts on its own.
func tokens(t *testing.T, texts ...string) []tokenizer.Token {
	t.Helper()
	var all []tokenizer.Token
	for _, text := range texts {
		ids, err := tokenizer.World().Encode([]byte(text))
		require.NoError(t, err)
		all = append(all, ids...)
	}
	return all
}

func greedy(t *testing.T) *sampler.Sampler {
	t.Helper()
	s, err := sampler.New(sampler.Options{})
	require.NoError(t, err)
	return s
}

// said runs the iterator to its end.
func said(t *testing.T, ctx context.Context, s *script, o generate.Options) (string, generate.Piece, error) {
	t.Helper()
	o.Vocab, o.Sampler = tokenizer.World(), greedy(t)
	var text strings.Builder
	var last generate.Piece
	var err error
	for piece, e := range generate.Text(ctx, s, tokens(t, "Q:"), o) {
		assert.True(t, utf8.ValidString(piece.Text), "%q", piece.Text)
		text.WriteString(piece.Text)
		last, err = piece, e
	}
	return text.String(), last, err
}

func TestTheTokenizerSaysWhatEndsAText(t *testing.T) {
	s := &script{says: []tokenizer.Token{'a', 0, 'b', 3, 'c'}}
	o := generate.Options{Vocab: tokenizer.ABC(), Sampler: greedy(t)}
	var text strings.Builder
	var last generate.Piece
	for piece, err := range generate.Text(t.Context(), s, []tokenizer.Token{2}, o) {
		require.NoError(t, err)
		text.WriteString(piece.Text)
		last = piece
	}
	assert.Equal(t, "ab", text.String(), "0 ends nothing here")
	assert.Equal(t, generate.EndOfText, last.Reason)
}

func TestTextEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		says   []string // each encoded on its own
		o      generate.Options
		want   string
		reason generate.Reason
	}{
		"when the model says so":                            {[]string{" one", " two"}, generate.Options{}, " one two", generate.EndOfText},
		"at a token that ends it in this format":            {[]string{" one", "b", " two"}, generate.Options{End: tokens(t, "b")}, " one", generate.EndOfText},
		"at the limit":                                      {[]string{" one", " two", " three"}, generate.Options{Limit: 2}, " one two", generate.Limit},
		"before a stop string of one token":                 {[]string{" one", "\n\n", "User"}, generate.Options{Stop: []string{"\n\n"}}, " one", generate.StopString},
		"before a stop string of many tokens":               {[]string{" one", "\n\n", "User", ":", " two"}, generate.Options{Stop: []string{"\n\nUser:"}}, " one", generate.StopString},
		"before a stop string that begins inside a token":   {[]string{" one", ".", "\n", "\n", "User:"}, generate.Options{Stop: []string{"e.\n\nU"}}, " on", generate.StopString},
		"before the first of two stop strings":              {[]string{" one", " two", " three"}, generate.Options{Stop: []string{"three", "two"}}, " one ", generate.StopString},
		"with what looked like a stop string":               {[]string{" one", "\n\n", "User", "s", "\n\n", "Us"}, generate.Options{Stop: []string{"\n\nUser:"}}, " one\n\nUsers\n\nUs", generate.EndOfText},
		"with what looked like one, at the limit":           {[]string{" one", "\n\n", "User"}, generate.Options{Stop: []string{"\n\nUser:"}, Limit: 3}, " one\n\nUser", generate.Limit},
		"at a stop string after a false start of it":        {[]string{"\n\n", "\n\n", "\n\n", "User", ":"}, generate.Options{Stop: []string{"\n\nUser:"}}, "\n\n\n\n", generate.StopString},
		"at a stop string long after a false start of it":   {[]string{"\n\n", "one", " two", " three", " four", "\n\n", "User", ":"}, generate.Options{Stop: []string{"\n\nUser:"}}, "\n\none two three four", generate.StopString},
		"with bytes that are no character":                  {[]string{"a", "\xe4", "b", "\xe4\xb8"}, generate.Options{}, "a\ufffdb\ufffd", generate.EndOfText},
		"with a character of several tokens in one piece":   {[]string{"\xf0", "\x9f", "\xa6", "\xa2"}, generate.Options{}, "\U0001f9a2", generate.EndOfText},
		"at a stop string of characters in several tokens":  {[]string{"a", "\xf0", "\x9f", "\xa6", "\xa2"}, generate.Options{Stop: []string{"\U0001f9a2"}}, "a", generate.StopString},
		"with nothing, when the model has nothing to say":   {nil, generate.Options{Stop: []string{"x"}}, "", generate.EndOfText},
		"before a stop string that is the whole of it":      {[]string{"User", ":"}, generate.Options{Stop: []string{"User:"}}, "", generate.StopString},
		"before a stop string, whatever comes after it too": {[]string{" one. Two"}, generate.Options{Stop: []string{"ne"}}, " o", generate.StopString},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{says: tokens(t, tc.says...)}
			text, last, err := said(t, t.Context(), s, tc.o)
			require.NoError(t, err)
			assert.Equal(t, tc.want, text)
			assert.Equal(t, tc.reason, last.Reason)
			exact(t, s, text, last)
		})
	}
}

// exact checks that the session has read the prompt and the text, except for what the last piece reports as unread.
func exact(t *testing.T, s *script, text string, last generate.Piece) {
	t.Helper()
	whole := string(tokenizer.World().Decode(s.read)) + string(last.Unread)
	assert.Equal(t, "Q:"+text, strings.ToValidUTF8(whole, "\ufffd"))
	assert.LessOrEqual(t, len(last.Unread), 8, "goes back further than it must")
}

func TestTextIsCancelled(t *testing.T) {
	for at := range 5 {
		t.Run(fmt.Sprintf("before the session reads for the %d. time", at+1), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := &script{says: tokens(t, " one", "\n\n", "User", ":", " two"), end: cancel, at: at}
			text, last, err := said(t, ctx, s, generate.Options{Stop: []string{"\n\nUsers"}})
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, generate.Cancelled, last.Reason)
			if at > 0 {
				exact(t, s, text, last)
			}
		})
	}
}

func TestTextWithoutVocabulary(t *testing.T) {
	s := &script{says: []tokenizer.Token{7, 60000, 7, 7}}
	var ids []tokenizer.Token
	for piece, err := range generate.Text(t.Context(), s, []tokenizer.Token{1}, generate.Options{Sampler: greedy(t), Limit: 3}) {
		require.NoError(t, err)
		assert.Empty(t, piece.Text)
		ids = append(ids, piece.Token)
	}
	assert.Equal(t, []tokenizer.Token{7, 60000, 7}, ids)
}

func TestTextRefusesAnEmptyStopString(t *testing.T) {
	_, _, err := said(t, t.Context(), &script{}, generate.Options{Stop: []string{"a", ""}})
	assert.ErrorContains(t, err, "stop string 2 of 2 is empty")
}

func TestTextLeftEarly(t *testing.T) {
	s := &script{says: tokens(t, " one", " two")}
	for range generate.Text(t.Context(), s, tokens(t, "Q:"), generate.Options{Vocab: tokenizer.World(), Sampler: greedy(t)}) {
		break
	}
	assert.Equal(t, "Q:", string(tokenizer.World().Decode(s.read)))
}
