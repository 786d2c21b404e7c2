package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestPictures writes pictures of the page, for people to look at.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no folder for pictures: see make page")
	}
	require.NoError(t, os.MkdirAll(*pictures, 0o755))
	for _, theme := range []string{"Light", "Dark"} {
		t.Run(theme, func(t *testing.T) {
			t.Parallel()
			s := serve(t, "0")
			p := open(t, s.url)
			picture := func(name string) {
				data, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(*pictures, strings.ToLower(theme)+"-"+name+".png"), data, 0o644))
			}
			p.choose("Theme", theme)
			picture("empty")
			p.send(sum)
			p.answered("42")
			p.click("Retry")
			p.find("button", "Previous version")
			p.answered("42")
			p.fill("textbox", "Name of the state", "sums")
			p.click("Save state")
			p.find("button", "Load sums")
			picture("conversation")
			p.click("Edit")
			picture("edit")
			p.click("Cancel")
			p.choose("Language", "中文")
			p.find("button", "发送")
			picture("chinese")
			p.choose("语言", "English")
			p.size(360, 640)
			picture("360")
			p.click("Conversations")
			picture("360-list")
			p.click("Panels")
			picture("360-panels")
			p.run(p.find("combobox", "Theme"), "function() { this.scrollIntoView() }")
			picture("360-settings")
			p.click("Panels")
			p.size(1280, 800)
			p.expectFailures()
			s.kill()
			p.send(other)
			p.find("button", "Try again")
			picture("lost")

			f := pretend(t, func(s *stream) {
				s.delta("reasoning_content", "First the words, then the sum.")
				s.delta("tool_calls", []object{{"index": 0, "function": object{"name": "clock", "arguments": "{\"zone\": \"UTC\"}"}}})
				s.delta("content", markdown)
				<-s.gone
			})
			p = open(t, f.url)
			p.choose("Theme", theme)
			p.send("Show what you can.")
			p.find("link", "link")
			picture("markdown")
			p.clickOn("DisclosureTriangle", "Thoughts (1 token)", -1)
			picture("thoughts")
			p.click("Stop")
		})
	}
}
