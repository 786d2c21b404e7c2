package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
)

// TestALongConversationStaysFluent opens a conversation of 10,000 messages. Only a part of it may be elements of the page, and no single
// piece of work may take seconds, even on a slow machine.
func TestALongConversationStaysFluent(t *testing.T) {
	const n = 10000
	var e exported
	e.Format = "gosling-conversations"
	c := conversation{Title: "long"}
	for i := range n {
		role := []string{"user", "assistant"}[i%2]
		c.Nodes = append(c.Nodes, node{ID: i + 1, Parent: i, Role: role, Content: fmt.Sprintf("message %d **strong** `code`\n\n- a\n- b\n\n%s", i+1, strings.Repeat("word ", 50))})
	}
	e.Conversations = append(e.Conversations, c)
	f := pretend(t, func(s *stream) {
		for range 200 {
			s.delta("content", "word ")
		}
	})
	p := open(t, f.url)
	p.upload("Import", written(t, e))
	p.find("button", "long")
	p.evaluate(`window.slow = []; new PerformanceObserver((l) => slow.push(...l.getEntries().map((e) => e.duration))).observe({entryTypes: ["longtask"]})`)
	p.click("long")
	p.holds(messages + `.at(-1).text.startsWith("message 10000 ")`)
	p.holds(atEnd)
	p.holds(`document.querySelectorAll("article").length < 1000`)
	p.run(p.find("textbox", "Message"), "function() { this.focus() }")
	p.press("typed by hand")
	assert.Equal(t, "typed by hand", p.value("textbox", "Message"))
	p.press(kb.Enter)
	p.answered(strings.TrimSpace(strings.Repeat("word ", 200)))
	assert.Len(t, f.chat()["messages"], n+1, "all messages are sent")
	p.holds(atEnd)
	const top = `document.querySelectorAll("article")[document.querySelectorAll("article").length - 200].getBoundingClientRect().top`
	p.evaluate(`document.querySelector("[role=log]").scrollTop = 0`)
	before := eval[float64](p, top)
	p.run(p.find("button", "Show earlier messages"), "function() { this.click() }")
	p.holds(messages + `.length === 400`)
	assert.InDelta(t, before, eval[float64](p, top), 2, "the messages that were in view stay there")
	slow := eval[[]float64](p, "slow")
	t.Logf("long tasks in ms: %.0f", slow)
	for _, ms := range slow {
		assert.Less(t, ms, 5000.0)
	}
}
