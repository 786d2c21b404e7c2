package browser

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// focused describes the element that has the focus, as JavaScript.
const focused = `((e) => e === document.body ? "" : e.getAttribute("aria-label") || (e.labels && e.labels[0] || e).textContent.trim() || e.tagName)(document.activeElement)`

// tabTo presses Tab until the element of that name has the focus.
func (p *page) tabTo(name string) {
	p.t.Helper()
	var met []string
	for range 100 {
		at := eval[string](p, focused)
		if at == name {
			return
		}
		met = append(met, at)
		p.press(kb.Tab)
	}
	p.t.Fatalf("Tab does not reach %q, only %q", name, met)
}

func TestTabReachesEveryControl(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{1280, 360} {
		p := open(t, demo.url)
		p.send(sum)
		p.answered("42")
		p.click("Retry")
		p.find("button", "Previous version")
		p.answered("42")
		p.fill("textbox", "Name of the state", fmt.Sprint("reached", width))
		p.click("Save state")
		p.find("button", fmt.Sprint("Load reached", width))
		p.size(width, 640)
		buttons := []string{""}
		if width == 360 {
			buttons = []string{"", "Conversations", "Panels"}
		}
		for _, open := range buttons {
			if open != "" {
				p.click(open)
			}
			assert.Empty(t, p.unreached(), "%d pixels, %q open", width, open)
			if open != "" {
				p.click(open)
			}
		}
	}
}

// unreached presses Tab until it has gone around and returns the visible controls that it does not reach.
func (p *page) unreached() []string {
	p.t.Helper()
	n := eval[int](p, `(window.missed = new Set([...document.querySelectorAll("button, input, select, textarea, a[href], summary, [tabindex='0']")]
		.filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.disabled))).size`)
	assert.Greater(p.t, n, 5)
	p.evaluate("document.activeElement.blur()")
	for range 2*n + 5 {
		p.press(kb.Tab)
		if eval[bool](p, "missed.delete(document.activeElement) && missed.size === 0") {
			break
		}
	}
	return eval[[]string](p, `[...missed].map((e) => e.outerHTML.slice(0, 100))`)
}

// TestWithoutAMouse does everything by keys, and looks for the focus after each of them.
func TestWithoutAMouse(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	key := func(keys string, modifiers ...chromedp.Modifier) { t.Helper(); p.press(keys, modifiers...) }
	kept := func(after string) {
		t.Helper()
		assert.NotEmpty(t, eval[string](p, focused), "the focus after %s", after)
	}
	p.tabTo("Message")
	key("What is")
	key(kb.Enter, kb.ModifierShift)
	assert.Equal(t, "What is\n", p.value("textbox", "Message"))
	key(kb.Backspace)
	key(" 15 + 27?")
	key(kb.Enter)
	p.answered("42")
	kept("Enter")
	for _, step := range []struct{ name, then string }{
		{"Retry", messages + `.length === 2 && document.querySelector("[role=log]").innerText.includes("2 / 2")`},
		{"Previous version", `document.querySelector("[role=log]").innerText.includes("1 / 2")`},
		{"Edit", `document.activeElement.tagName === "TEXTAREA"`},
		{"Cancel", last("Assistant", "42")},
		{"Fork", `document.querySelectorAll("nav li").length === 2`},
		{"Rename " + sum, `document.activeElement.tagName === "INPUT"`},
		{"Save", `document.querySelectorAll("nav li form").length === 0`},
		{"Delete " + sum, `document.querySelectorAll("nav li").length === 1`},
		{"New conversation", messages + ".length === 0"},
	} {
		p.tabTo(step.name)
		key(" ")
		p.holds(step.then)
		p.idle()
	}
}

func TestEscapeStops(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) {
		s.delta("content", "begun")
		<-s.gone
	})
	p := open(t, f.url)
	for _, stop := range []func(){
		func() { p.press(kb.Escape) },
		func() { p.tabTo("Stop"); p.press(kb.Enter) },
	} {
		p.tabTo("Message")
		p.press("x" + kb.Enter)
		p.holds(last("Assistant", "begun"))
		p.find("button", "Stop")
		stop()
		p.idle()
		assert.NotEmpty(t, eval[string](p, focused), "the focus")
	}
}

// TestNarrowScreens checks a small telephone, and a window of 1280 pixels at 200 %.
func TestNarrowScreens(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.size(360, 640)
	p.gone("navigation", "Conversations")
	p.send(sum)
	p.answered("42")
	wide := func() bool {
		return eval[bool](p, `document.documentElement.scrollWidth > innerWidth || [...document.querySelectorAll("nav, main, #panels")].some((e) => e.scrollWidth > e.clientWidth)`)
	}
	for _, size := range [][2]int64{{360, 640}, {640, 400}} {
		p.size(size[0], size[1])
		assert.False(t, wide(), "%v scrolls sideways", size)
		p.click("Conversations")
		p.find("button", "Rename "+sum)
		assert.False(t, wide(), "%v with the list scrolls sideways", size)
		p.click("Panels")
		p.find("complementary", "Settings")
		p.gone("button", "Rename "+sum)
		assert.False(t, wide(), "%v with the panels scrolls sideways", size)
		p.choose("Theme", "Dark")
		p.click("Panels")
		p.gone("complementary", "Settings")
		p.click("Send")
	}
	p.click("Conversations")
	p.click(sum) // closes the list
	p.gone("button", "Rename "+sum)
	p.answered("42")
}

// axe returns the source of axe-core, or skips the test.
func axe(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(*axeFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no axe-core: %v: make page gets it with npm", err)
	}
	require.NoError(t, err)
	return string(source)
}

// TestAxe looks for faults of accessibility in every part of the page.
func TestAxe(t *testing.T) {
	source := axe(t)
	for _, theme := range []string{"Light", "Dark"} {
		for _, width := range []int64{1280, 360} {
			t.Run(fmt.Sprint(theme, width), func(t *testing.T) {
				t.Parallel()
				f := pretend(t, func(s *stream) {
					if s.n == 1 {
						s.refuse(500, "something broke")
						return
					}
					s.delta("reasoning_content", "let me see")
					s.delta("tool_calls", []object{{"index": 0, "function": object{"name": "clock", "arguments": "{}"}}})
					s.delta("content", "text `code` **strong** [link](https://example.com)\n\n- a\n- b\n\n| a | b |\n|-|-|\n| c | d |\n\n> said\n\n```\ncode\n```\n")
				})
				f.fixed("/v1/states", object{"data": []object{{"id": "one", "name": "one", "tokens": 1, "bytes": 2048}}})
				p := open(t, f.url)
				p.expectFailures()
				p.evaluate(source + ";0")
				p.choose("Theme", theme)
				p.size(width, 800)
				p.clean("nothing yet")
				p.send("x")
				p.says("something broke")
				p.clean("an error")
				p.click("Try again")
				p.idle()
				p.find("link", "link")
				p.clean("an answer")
				p.click("Edit")
				p.clean("a form")
				if width == 360 {
					p.click("Conversations")
					p.find("button", "Rename x")
					p.clean("the list")
					p.click("Panels")
					p.find("complementary", "Settings")
					p.fill("spinbutton", "Top P", "7")
					p.clean("the panels")
					return
				}
				p.fill("spinbutton", "Top P", "7")
				p.clean("a wrong setting")
				p.click("Delete x")
				p.find("button", "Undo")
				p.clean("a deletion")
				p.click("Delete one")
				p.find("button", "Delete for good")
				p.clean("a question")
			})
		}
	}
}

// clean fails where axe finds a violation.
func (p *page) clean(what string) {
	p.t.Helper()
	assert.Empty(p.t, eval[[]string](p, `axe.run().then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target + ": " + n.failureSummary)))`), what)
}
