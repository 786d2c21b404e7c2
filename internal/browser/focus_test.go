package browser

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
)

// TestTheFocusStaysClose presses each control by keys and looks where the focus is afterwards.
func TestTheFocusStaysClose(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	at := func(name string) {
		t.Helper()
		p.holds(focused + ` === ` + quote(name))
	}
	press := func(name string) {
		t.Helper()
		p.tabTo(name)
		p.press(" ")
	}
	p.send(sum)
	p.answered("42")
	at("Message")
	press("Retry")
	p.find("button", "Previous version")
	p.idle()
	at("Assistant")
	press("Previous version")
	at("Next version")
	p.press(" ")
	at("Previous version")
	press("Edit")
	at("Edit")
	p.press(kb.Escape)
	at("Edit")
	p.holds(`document.activeElement.tagName === "BUTTON"`)
	p.press(" ")
	p.holds(`document.activeElement.tagName === "TEXTAREA"`)
	p.press("changed")
	press("Save")
	p.holds(`document.querySelector("[role=log]").innerText.includes("3 / 3")`)
	at("Assistant")
	press("Fork")
	p.count("button", "Rename "+sum, 2)
	at("Message")
	press("Rename " + sum)
	at("Title")
	p.press(kb.Escape)
	at("Rename " + sum)
	p.press(" ")
	at("Title")
	p.press("forked" + kb.Enter)
	at("Rename forked")
	press("Delete forked")
	at("Delete " + sum)
	p.press(" ")
	p.gone("button", "Delete "+sum)
	at("New conversation")
	press("Undo")
	p.find("button", "Delete "+sum)
	at("Message")
	p.fill("textbox", "Name of the state", "focus")
	press("Save state")
	p.find("button", "Load focus")
	at("Save state")
	press("Fork focus") // to its own name: an error or not, the focus stays
	at("Fork focus")
	press("Delete focus")
	at("Delete for good")
	p.press(kb.Escape)
	at("Delete focus")
	p.press(" " + " ")
	p.gone("button", "Load focus")
	assert.NotEmpty(t, eval[string](p, focused))
}

func TestEscapeClosesPanels(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.size(360, 640)
	for button, inside := range map[string]string{"Conversations": "New conversation", "Panels": "Save state"} {
		p.click(button)
		p.find("button", inside)
		p.press(kb.Escape)
		p.gone("button", inside)
		p.holds(focused + " === " + quote(button))
	}
}

// TestAnotherLanguageLosesNothing changes language and theme while there are a draft, open thoughts, a form and an answer under way.
func TestAnotherLanguageLosesNothing(t *testing.T) {
	t.Parallel()
	more := make(chan string)
	f := pretend(t, func(s *stream) {
		s.delta("reasoning_content", "hm")
		s.delta("content", "begun")
		if s.n == 2 {
			for piece := range more {
				s.delta("content", piece)
			}
		}
	})
	p := open(t, f.url)
	p.send("one")
	p.answered("begun")
	p.clickOn("DisclosureTriangle", "Thoughts (1 token)", -1)
	p.click("Edit")
	p.fill("textbox", "Edit", "half a chan")
	p.click("Rename one")
	p.fill("textbox", "Title", "half a title")
	p.fill("textbox", "Message", "half a draft")
	p.run(p.find("textbox", "Message"), "function() { this.focus() }")
	both := func(act func()) {
		p.choose("Language", "中文")
		act()
		p.choose("主题", "深色")
		p.choose("语言", "English")
		p.choose("Theme", "Light")
	}
	both(func() {
		assert.Equal(t, "half a draft", p.value("textbox", "消息"))
		assert.Equal(t, "half a chan", p.value("textbox", "编辑"))
		assert.Equal(t, "half a title", p.value("textbox", "标题"))
		p.holds(`document.querySelector("details").open && document.querySelector("summary").textContent === "思考过程（1 个词元）"`)
		p.holds(focused + ` === "消息"`)
	})
	p.clickOn("button", "Cancel", 1) // of the message
	p.clickOn("button", "Cancel", 0)
	p.click("Send")
	p.find("button", "Stop")
	both(func() { more <- " and on" })
	close(more)
	p.answered("begun and on")
	p.holds(`document.querySelectorAll("details")[0].open && !document.querySelectorAll("details")[1].open`)
}
