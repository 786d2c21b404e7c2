package browser

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/stretchr/testify/require"
)

// picture writes a picture of the page, or of a part of it.
func (p *page) picture(name string, clip *cdppage.Viewport) {
	p.t.Helper()
	p.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
	shot := call(p, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{Clip: clip})
	image, err := png.Decode(bytes.NewReader(shot.Data))
	require.NoError(p.t, err)
	var small bytes.Buffer
	require.NoError(p.t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, image))
	data := shot.Data
	if small.Len() < len(data) {
		data = small.Bytes()
	}
	require.NoError(p.t, os.WriteFile(filepath.Join(*pictures, name+".png"), data, 0o644))
}

// show has a conversation with the demo model that is worth a picture.
func (p *page) show() {
	p.t.Helper()
	for _, question := range []string{"What is 17 + 25?", "Sort the words: pear apple fig", "Complete the line: O Romeo, Romeo! wherefore"} {
		p.send(question)
		p.holds(messages + `.at(-1).text && ` + messages + `.at(-2).text === ` + quote(question))
		p.idle()
	}
	p.fill("textbox", "Name of the state", "romeo")
	p.click("Save state")
	p.find("button", "Load romeo")
	p.status("Ready")
}

// TestPictures writes the pictures of the documentation.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no folder for pictures: see make page")
	}
	require.NoError(t, os.MkdirAll(*pictures, 0o755))
	for _, theme := range []string{"Light", "Dark"} {
		t.Run(theme, func(t *testing.T) {
			t.Parallel()
			p := open(t, serve(t, "0").url)
			p.choose("Theme", theme)
			p.show()
			p.picture("page-"+strings.ToLower(theme), nil)
			if theme == "Light" {
				p.picture("page-state", &cdppage.Viewport{X: 977, Y: 46, Width: 303, Height: 720, Scale: 1})
				p.size(360, 720)
				p.picture("page-narrow", nil)
				return
			}
			p.choose("Theme", "Light")
			p.choose("Language", "中文")
			p.picture("page-chinese", nil)
		})
	}
}
