package browser

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAnAnswerBelongsToItsConversation reads another conversation, in another language and theme, while an answer is under way.
func TestAnAnswerBelongsToItsConversation(t *testing.T) {
	t.Parallel()
	pieces := make(chan string)
	f := pretend(t, func(s *stream) {
		if s.n == 2 {
			s.delta("content", "second answer")
			return
		}
		for piece := range pieces {
			s.delta("content", piece)
		}
	})
	p := open(t, f.url)
	p.send("first")
	pieces <- "one "
	p.holds(last("Assistant", "one"))
	p.click("New conversation")
	p.holds(messages + ".length === 0")
	p.gone("button", "Stop")
	pieces <- "two "
	p.send("second")
	p.answered("second answer")
	p.choose("Language", "中文")
	p.choose("主题", "深色")
	pieces <- "three "
	p.click("first")
	p.holds(last("助手", "one two three"))
	p.find("button", "停止")
	p.choose("语言", "English")
	pieces <- "four"
	p.holds(last("Assistant", "one two three four"))
	p.click("second")
	p.holds(last("Assistant", "second answer"))
	close(pieces)
	p.click("first")
	p.answered("one two three four")
	p.load(f.url)
	p.click("first")
	p.answered("one two three four")
	assert.Equal(t, []message{{"You", "first"}, {"Assistant", "one two three four"}}, p.messages())
	p.click("second")
	p.answered("second answer")
}

func TestAFailureBelongsToItsConversation(t *testing.T) {
	t.Parallel()
	fail := make(chan struct{})
	f := pretend(t, func(s *stream) {
		if s.n == 1 {
			s.delta("content", "begun")
			<-fail
			s.event(object{"error": object{"message": "it broke"}})
			return
		}
		s.delta("content", "whole")
	})
	p := open(t, f.url)
	p.send("first")
	p.holds(last("Assistant", "begun"))
	p.click("New conversation")
	close(fail)
	p.holds(`!document.querySelector("nav").innerText.includes("Answering")`)
	assert.NotContains(t, eval[string](p, `document.querySelector("[role=alert]").innerText`), "it broke")
	p.click("first")
	p.says("it broke")
	p.answered("begun")
	p.click("Try again")
	p.answered("whole")
	p.click("Previous version")
	p.answered("begun")
}

func TestAnAnswerGoesOn(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) {
		switch s.n {
		case 1:
			s.delta("content", "The quick brown ")
			<-s.gone
		case 2:
			s.delta("content", " fox")
			s.event(object{"choices": []object{{"delta": object{}, "finish_reason": "length"}}})
		default:
			s.delta("content", " jumps.")
			s.event(object{"choices": []object{{"delta": object{}, "finish_reason": "stop"}}})
		}
	})
	p := open(t, f.url)
	p.send("x")
	p.holds(last("Assistant", "The quick brown"))
	p.gone("button", "Continue")
	p.click("Stop")
	p.idle()
	p.holds(`document.querySelector("[role=log]").innerText.includes("Stopped.")`)
	p.click("Continue")
	p.answered("The quick brown fox")
	assert.Equal(t, []any{object{"role": "user", "content": "x"}, object{"role": "assistant", "content": "The quick brown"}}, f.chat()["messages"])
	assert.Equal(t, true, f.chat()["continue_final_message"])
	p.holds(`document.querySelector("[role=log]").innerText.includes("The longest answer was reached.")`)
	p.load(f.url)
	p.click("x")
	p.click("Continue")
	p.answered("The quick brown fox jumps.")
	p.gone("button", "Continue")
	p.gone("button", "Previous version")
}

// TestAPageThatEndsKeepsTheAnswer loads the page again in the middle of an answer.
func TestAPageThatEndsKeepsTheAnswer(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) {
		if s.n == 1 {
			s.delta("content", "The first half")
			<-s.gone
			return
		}
		s.delta("content", " and the second.")
	})
	p := open(t, f.url)
	p.send("x")
	p.holds(last("Assistant", "The first half"))
	p.load(f.url)
	p.click("x")
	p.answered("The first half")
	p.holds(`document.querySelector("[role=log]").innerText.includes("The answer is not complete.")`)
	p.click("Continue")
	p.answered("The first half and the second.")
	p.gone("button", "Continue")
}

func TestTheModelGoesOnWithItsAnswer(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.fill("spinbutton", "Longest answer", "2")
	p.send(sum)
	p.answered("4")
	p.fill("spinbutton", "Longest answer", "")
	p.click("Continue")
	p.answered("42")
}

// atEnd is true in JavaScript if the log is scrolled to its end.
const atEnd = `((l) => l.scrollHeight - l.scrollTop - l.clientHeight < 8)(document.querySelector("[role=log]"))`

// TestTheEndStaysInView looks where the log is scrolled while an answer grows and the window changes.
func TestTheEndStaysInView(t *testing.T) {
	t.Parallel()
	more := make(chan int)
	f := pretend(t, func(s *stream) {
		for n := range more {
			s.delta("content", fmt.Sprintf("part %d\n\n```\n%d\n```\n\n- a\n- b\n\n", n, n))
		}
	})
	p := open(t, f.url)
	p.send("x")
	for n := range 30 {
		more <- n
	}
	p.holds(messages + `.at(-1).text.includes("part 29") && ` + atEnd)
	p.size(700, 500)
	p.holds(atEnd)
	p.size(1280, 800)
	p.holds(atEnd)
	p.evaluate(`document.querySelector("[role=log]").scrollBy(0, -200)`)
	top := eval[float64](p, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(document.querySelector("[role=log]").scrollTop))))`)
	more <- 30
	p.holds(messages + `.at(-1).text.includes("part 30")`)
	assert.InDelta(t, top, eval[float64](p, `document.querySelector("[role=log]").scrollTop`), 1, "a reader who has scrolled up stays")
	p.evaluate(`document.querySelector("[role=log]").scrollTo(0, 1e9)`)
	more <- 31
	p.holds(messages + `.at(-1).text.includes("part 31") && ` + atEnd)
	close(more)
	p.idle()
	p.holds(atEnd)
}

// TestTheViewStaysWhereItIs switches the version of a message in the middle of a conversation.
func TestTheViewStaysWhereItIs(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) { s.delta("content", fmt.Sprintf("answer %d\n\n```\n%s```\n", s.n, lines(20))) })
	p := open(t, f.url)
	for i := range 3 {
		p.send(fmt.Sprint("question ", i))
		p.holds(messages + fmt.Sprintf(".length === %d", 2*i+2))
		p.idle()
	}
	p.clickOn("button", "Edit", 2)
	p.fill("textbox", "Edit", "another question")
	p.click("Save")
	p.holds(messages + `.length === 4 && ` + messages + `.at(-1).text.startsWith("answer 4")`)
	p.idle()
	at := func() float64 {
		return eval[float64](p, `document.querySelectorAll("article")[2].getBoundingClientRect().top`)
	}
	p.evaluate(`document.querySelectorAll("article")[2].scrollIntoView({block: "center"})`)
	before := at()
	p.click("Previous version")
	p.holds(messages + `.length === 6`)
	assert.InDelta(t, before, at(), 2)
	p.clickOn("button", "Next version", -1)
	p.holds(messages + `.length === 4`)
	assert.InDelta(t, before, at(), 2)
}

func lines(n int) (text string) {
	for i := range n {
		text += fmt.Sprintf("line %d\n", i)
	}
	return text
}
