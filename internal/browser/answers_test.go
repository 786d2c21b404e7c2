package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
)

func TestWhatCameBeforeAStopIsKept(t *testing.T) {
	t.Parallel()
	stopped := make(chan struct{})
	f := pretend(t, func(s *stream) {
		s.delta("content", fmt.Sprintf("answer %d", s.n))
		if s.n == 1 {
			<-s.gone
			close(stopped)
		}
	})
	p := open(t, f.url)
	p.send("one")
	p.holds(last("Assistant", "answer 1"))
	p.status("Answering")
	p.click("Stop")
	<-stopped
	p.answered("answer 1")
	p.send("two")
	p.answered("answer 2")
	assert.Equal(t, []any{
		object{"role": "user", "content": "one"}, object{"role": "assistant", "content": "answer 1"}, object{"role": "user", "content": "two"},
	}, f.chat()["messages"])
}

func TestTheModelCanBeStopped(t *testing.T) {
	t.Parallel()
	endless := serve(t, "0", "--ignore-eos", "--stop", "")
	p := open(t, endless.url)
	p.send(verse)
	p.holds(messages + `.at(-1).text.length > 20`)
	p.click("Stop")
	p.idle()
	kept := p.messages()[1].Text
	p.holds(`fetch("/slots").then((r) => r.json()).then((all) => all.every((s) => !s.is_processing))`)
	p.load(endless.url)
	p.click(verse)
	p.answered(kept)
	p.send(sum)
	p.holds(messages + `.length === 4 && ` + messages + `.at(-1).text`)
	p.press(kb.Escape)
	p.idle()
}

func TestThoughtsAreFolded(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) {
		for _, piece := range []string{"7 and 8 ", "are ", "15"} {
			s.delta("reasoning_content", piece)
		}
		s.delta("content", "It is 15.")
		s.event(object{"choices": []object{}, "usage": object{"completion_tokens_details": object{"reasoning_tokens": 11}}})
	})
	p := open(t, f.url)
	p.send("x")
	p.answered("It is 15.")
	p.holds(`document.querySelector("article details summary").innerText === "Thoughts (11 tokens)"`)
	p.holds(`!document.querySelector("article details").open`)
	p.clickOn("DisclosureTriangle", "Thoughts (11 tokens)", -1)
	p.holds(`document.querySelector("article details").open && document.querySelector("article details").innerText.includes("7 and 8 are 15")`)
}

// TestThoughtsAreCounted has pieces of several tokens. The server counts better than the page.
func TestThoughtsAreCounted(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	f := pretend(t, func(s *stream) {
		piece := func(text string, tokens int) {
			s.event(object{"choices": []object{{"delta": object{"reasoning_content": text}}}, "timings": object{"predicted_n": tokens}})
		}
		piece("a", 1)
		<-more
		piece("few words", 5)
		<-more
		s.delta("content", "done")
	})
	p := open(t, f.url)
	p.send("x")
	summary := func(text string) { p.holds(`document.querySelector("summary")?.innerText === ` + quote(text)) }
	summary("Thoughts (1 token)")
	more <- struct{}{}
	summary("Thoughts (5 tokens)")
	more <- struct{}{}
	p.answered("done")
	summary("Thoughts (5 tokens)")
	p.load(f.url)
	p.click("x")
	summary("Thoughts (5 tokens)")
}

// TestWhatIsWideScrollsInItself has code and a table that are wider than the screen.
func TestWhatIsWideScrollsInItself(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("wide_", 100)
	f := pretend(t, func(s *stream) {
		s.delta("content", "```\n"+wide+"\n```\n\n| "+wide+" | b |\n|-|-|\n| c | d |\n\n"+wide)
	})
	p := open(t, f.url)
	p.size(360, 640)
	p.send("x")
	p.idle()
	p.holds(`["pre", ".wide"].every((s) => ((e) => e.scrollWidth > e.clientWidth + 100)(document.querySelector("article " + s)))`)
	p.holds(`((l) => l.scrollWidth <= l.clientWidth)(document.querySelector("[role=log]"))`)
	p.holds(`document.documentElement.scrollWidth <= innerWidth`)
}

func TestCallsOfToolsAreShown(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) {
		s.delta("tool_calls", []object{{"index": 0, "function": object{"name": "weather", "arguments": `{"city":`}}})
		s.delta("tool_calls", []object{{"index": 0, "function": object{"arguments": ` "<b>Rome</b>","days":[12345678901234567890,-1.50]}`}}})
		s.delta("tool_calls", []object{{"index": 1, "function": object{"name": "clock", "arguments": "{}"}}})
	})
	p := open(t, f.url)
	p.send("x")
	p.idle()
	for _, text := range []string{"Tool call", "weather", "{\n  \"city\": \"<b>Rome</b>\",\n  \"days\": [\n    12345678901234567890,\n    -1.50\n  ]\n}", "clock", "{}"} {
		p.holds(fmt.Sprintf(`document.querySelector("[role=log]").innerText.includes(%s)`, quote(text)))
	}
}

// markdown has everything that the page formats.
const markdown = "# Head\n\nOne **strong `part`** and `code` [link](https://example.com/a).\n\n- first\n- second\n  - inner\n    1. innermost\n- third\n\n1. one\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n```go\nx := <-y\n```\n\n> said\n"

func TestMarkdownIsFormatted(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) {
		for _, r := range markdown {
			s.delta("content", string(r))
		}
	})
	p := open(t, f.url)
	p.send("x")
	p.idle()
	tags := `(() => { const a = [...document.querySelectorAll("article")].at(-1);
		return ["strong", "strong code", "p > code", "ul > li > ul > li", "ul ul ol > li", "ul > li:nth-child(3)", "div > ol > li", "th", "td:nth-child(2)", "pre code", "blockquote", "a[rel='noopener noreferrer'][target=_blank]"]
			.map((s) => s + "=" + (a.querySelector(s) || {innerText: "none"}).innerText.trim()).join("\n") })()`
	assert.Equal(t, "strong=strong part\nstrong code=part\np > code=code\nul > li > ul > li=inner\ninnermost\nul ul ol > li=innermost\nul > li:nth-child(3)=third\ndiv > ol > li=one\nth=a\ntd:nth-child(2)=2\npre code=x := <-y\nblockquote=said\n"+
		"a[rel='noopener noreferrer'][target=_blank]=link", eval[string](p, tags))
	p.find("heading", "Head")
	p.find("link", "link")
}

// hostile is what would run a script, ask another server or break the page if it were taken for more than text.
const hostile = `<script>alert(1)</script><img src=x onerror="alert(2)"><iframe src="https://example.com"></iframe>` +
	`![i](https://example.com/x.png) [l](javascript:alert(3)) [d](data:text/html,<script>alert(4)</script>) <a href="javascript:alert(5)">a</a>` +
	`<style>*{display:none}</style><svg onload=alert(6)> "'--> ` + "`<b>`" + ` **<i>bold</i>**`

func TestHostileAnswersAreText(t *testing.T) {
	t.Parallel()
	answer := hostile + "\n\n| " + hostile + " | b |\n|-|-|\n| c | d |\n\n```\n" + hostile + "\n```\n\n" + strings.Repeat("> ", 5000) + "deep\n\n" + strings.Repeat("[", 5000) +
		strings.Repeat("*a", 5000) + "\n\n" + strings.Repeat("x", 1<<20) + "\n\nend of it"
	f := pretend(t, func(s *stream) {
		s.delta("reasoning_content", hostile)
		s.delta("tool_calls", []object{{"index": 0, "function": object{"name": hostile, "arguments": hostile}}})
		s.delta("content", answer)
	})
	p := open(t, f.url)
	p.send(hostile)
	p.idle()
	p.holds(messages + `.at(-1).text.endsWith("end of it")`)
	p.harmless()
	shown := eval[string](p, `document.querySelector("[role=log]").textContent`)
	assert.GreaterOrEqual(t, strings.Count(shown, `<script>alert(1)</script><img src=x onerror="alert(2)">`), 5, "message, thoughts, call, answer, code")
	assert.GreaterOrEqual(t, strings.Count(shown, "x"), 1<<20)
	p.load(f.url)
	p.click(strings.TrimSpace(hostile[:60]))
	p.holds(messages + `.at(-1).text.endsWith("end of it")`)
	p.harmless()
}

// harmless checks that no text became an element that runs, loads or hides something.
func (p *page) harmless() {
	p.t.Helper()
	found := eval[[]string](p, `[...document.querySelectorAll("body script, img, iframe, body style, object, embed, [onerror], [onload], article b, article i, article svg, a:not([href^='http://']):not([href^='https://'])")].map((e) => e.outerHTML.slice(0, 200))`)
	assert.Empty(p.t, found)
}

func TestHostileNamesAreText(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) { s.delta("content", "ok") })
	f.fixed("/v1/models", object{"data": []object{{"id": hostile, "meta": object{"n_params": 1, "devices": []string{hostile}}}, {"id": "__proto__"}}})
	f.fixed("/v1/states", object{"data": []object{{"id": hostile, "name": hostile, "tokens": 1, "bytes": 2}}})
	f.fixed("/props", object{"model_ftype": hostile, "default_generation_settings": object{"params": object{"temperature": 1}}})
	p := open(t, f.url)
	p.find("option", hostile)
	p.send("x")
	p.answered("ok")
	assert.Equal(t, hostile, f.chat()["model"])
	p.click("Rename x")
	p.fill("textbox", "Title", hostile)
	p.click("Save")
	p.find("button", hostile)
	p.find("button", "Load "+hostile)
	p.harmless()
	p.load(f.url)
	p.click(hostile)
	p.answered("ok")
	p.harmless()
}

// TestErrorsOfTheServerAreText checks a refusal, and an error in the middle of an answer.
func TestErrorsOfTheServerAreText(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) {
		if s.n == 1 {
			s.refuse(http.StatusTooManyRequests, "too much "+hostile)
			return
		}
		s.delta("content", "half")
		s.event(object{"error": object{"message": "broken " + hostile}})
	})
	p := open(t, f.url)
	p.expectFailures()
	p.send("x")
	p.says("too much " + hostile[:30])
	p.harmless()
	p.click("Try again")
	p.says("broken " + hostile[:30])
	p.answered("half")
	p.harmless()
}
