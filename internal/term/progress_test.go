package term

import (
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/assert"
)

func TestAProgressLineFitsTheTerminal(t *testing.T) {
	const name, rest = "RWKV-x070-World-1.5B-v3-20250127-ctx4096-F16.gguf on wiki.test.raw in chunks of 512", ": 1024 of 331776 tokens, 97.4 tokens/s, 56m40s left"
	for name, tc := range map[string]struct {
		name, rest string
		columns    int
		want       string
	}{
		"enough room":                 {"a.gguf", rest, 79, "a.gguf" + rest},
		"the name gives way":          {name, rest, 79, "RWKV-x070-World-1.5B-v3-202…" + rest},
		"then all of it":              {name, rest, 40, "RWKV-x070-W…: 1024 of 331776 tokens, 97…"},
		"wide characters take two":    {"鹅鹅鹅鹅鹅鹅鹅鹅鹅鹅", ": 1 of 2", 20, "鹅鹅鹅鹅鹅…: 1 of 2"},
		"nothing moves the cursor":    {"a\x1b[2J\nb\r", ": 1", 30, `a\u001b[2J\nb\r: 1`},
		"a terminal without any room": {name, rest, 1, "…"},
	} {
		t.Run(name, func(t *testing.T) {
			got := fitted(tc.name, tc.rest, tc.columns)
			assert.Equal(t, tc.want, got)
			assert.LessOrEqual(t, uniseg.StringWidth(got), tc.columns)
		})
	}
}

func TestTheProgressLineIsRewrittenAndWiped(t *testing.T) {
	var out strings.Builder
	width := 30
	r := &Progress{out: &out, now: time.Now, name: "model.gguf", unit: Tokens, total: 40, width: func() int { return width }, stop: make(chan struct{})}
	r.begin = time.Now().Add(-10 * time.Second)
	r.Say("PPL %d", 3)
	r.draw()
	assert.Equal(t, "\rmodel.gguf: 0 of 40 tokens: …", out.String())
	out.Reset()
	width = 12 // the terminal was made narrower
	r.draw()
	assert.Equal(t, "\rmodel.gguf…", out.String())
	out.Reset()
	r.End()
	assert.Equal(t, "\r"+strings.Repeat(" ", 11)+"\r", out.String())
	out.Reset()
	r.draw()
	r.End()
	assert.Empty(t, out.String(), "nothing is drawn after the end")
}

func TestProgressWithoutATerminalIsLinesThatTellNews(t *testing.T) {
	var out strings.Builder
	r := &Progress{out: &out, now: time.Now, name: "reading", unit: Tokens, total: 40, begin: time.Now().Add(-10 * time.Second), stop: make(chan struct{})}
	r.draw()
	r.draw()
	r.Set(20, 40)
	r.draw()
	r.End()
	assert.Equal(t, "reading: 0 of 40 tokens\nreading: 20 of 40 tokens, 2.0 tokens/s, 10s left\n", out.String())
}

func TestBytesWritten(t *testing.T) {
	assert.Equal(t, "25 % of 3.00 GiB", Bytes.count(3<<28, 3<<30))
	assert.Equal(t, "0 % of 0 B", Bytes.count(0, 0))
	assert.Equal(t, "1.5 MiB/s", Bytes.rate(1.5*(1<<20)))
}

func TestProgressByAClockThatStandsStill(t *testing.T) {
	begin := time.Now()
	var out strings.Builder
	line := NewProgress(&out, func() time.Time { return begin }, "converting", Bytes, 0)
	defer line.End()
	line.Set(1<<20, 2<<20)
	line.draw()
	assert.Equal(t, "converting: 50 % of 2.0 MiB\n", out.String())
}
