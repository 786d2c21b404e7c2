package manual

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRoffTakesNothingOfATextForItsOwn(t *testing.T) {
	for text, want := range map[string]string{
		"plain words":  "plain words",
		`\n`:           `\en`,
		"--top-p":      `\-\-top\-p`,
		".mid to play": `\&.mid to play`,
		"'quoted'":     `\(aqquoted\(aq`,
		"~/x":          `\(ti/x`,
		"Gänse …":      `G\[u00E4]nse \[u2026]`,
	} {
		assert.Equal(t, want, escaped(text))
	}
}

func TestRoffKeepsParagraphsAndWhatIsVerbatim(t *testing.T) {
	var b bytes.Buffer
	r := &roff{w: &b}
	r.text("one\nline\n\ntwo:\ngosling run\n  gosling chat\n\nthree\n")
	assert.NoError(t, r.err)
	assert.Equal(t, "one\nline\n.PP\ntwo:\n.PP\n.nf\n.RS 4\ngosling run\ngosling chat\n.RE\n.fi\n.PP\nthree\n", b.String())
}

type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left--; d.left < 0 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestRoffKeepsTheFirstError(t *testing.T) {
	r := &roff{w: &fullDisk{left: 2}}
	r.title("gosling", "gosling v1.0 (go1.26, linux/amd64)")
	r.item("a", "b")
	assert.EqualError(t, r.err, "no space left")
}
