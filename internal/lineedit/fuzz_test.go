package lineedit_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/internal/lineedit"
)

// decoded returns the keys of some pieces of input. Neighbouring texts are joined.
func decoded(pieces ...[]byte) []lineedit.Key {
	var d lineedit.Decoder
	var keys []lineedit.Key
	take := func(idle bool) {
		for {
			key, ok := d.Next(idle)
			if !ok {
				return
			}
			if last := len(keys) - 1; key.Name == "text" && last >= 0 && keys[last].Name == "text" {
				keys[last].Text += key.Text
				continue
			}
			keys = append(keys, key)
		}
	}
	for _, piece := range pieces {
		d.Push(piece)
		take(false)
	}
	for some := true; some; some, _ = d.Waits() {
		take(true)
	}
	return keys
}

func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		"你好\x1b[1;5D\x7f", "\x1b[200~a\r\nb\x1b[201~\r", "\x1b", "\x1b[", "\x1bO", "\x1b]11;rgb:0/0/0\x07x", "\x1b[27;2;13~", "\x1b[13:1;2:3u", "\xe4\xbd", "\x1b\x1b[A", "\x1b[999999999999;5~",
	} {
		f.Add([]byte(seed), 1)
	}
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		defer fuzzing.Guard(t, len(data), 4096)()
		keys := decoded(data)
		for _, key := range keys {
			assert.True(t, utf8.ValidString(key.Text), "%q", key.Text)
			assert.NotEmpty(t, key.Name)
		}
		if at > 0 && at < len(data) && len(data) < 200 { // a piece ends anywhere
			assert.Equal(t, keys, decoded(bytes.Clone(data[:at]), data[at:]))
		}
	})
}

func FuzzBuffer(f *testing.F) {
	for _, seed := range []string{
		"e\x1b[D\u0301\x7f", "👩\u200d👩\x1b[D\x1b[D\u200d\x04", "a\x1b\rb\x1b[A\x1b[Bc\x14", "🇨🇭🇨\x1b[D🇭\x17\x19\x1f", "a b\x1bb\x1bu\x1bd", "\x1b[200~\n\n\x1b[201~\x0b\x15",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			return
		}
		defer fuzzing.Guard(t, len(data), 1<<20)()
		var b lineedit.Buffer
		for _, key := range decoded(data) {
			b.Apply(key)
			require.True(t, utf8.ValidString(b.Text()))
			require.True(t, slices.Contains(boundaries(b.Text()), b.Cursor()), "the cursor is at byte %d of %q", b.Cursor(), b.Text())
		}
		if message, open := lineedit.Message(b.Text()); open {
			assert.True(t, strings.HasSuffix(message, "\n"))
		}
	})
}

// boundaries returns where the clusters of a text begin, and its end.
func boundaries(text string) []int {
	all := []int{0}
	at := 0
	for state, rest := -1, text; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		at += len(cluster)
		all = append(all, at)
	}
	return all
}
