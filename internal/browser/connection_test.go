package browser

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
)

func TestAConnectionThatEndsInAnAnswer(t *testing.T) {
	t.Parallel()
	shown := make(chan struct{})
	f := pretend(t, func(s *stream) {
		if s.n == 1 {
			s.delta("content", "the first half")
			<-shown
			s.cut()
		}
		s.delta("content", "all of it")
	})
	p := open(t, f.url)
	p.expectFailures()
	p.send("x")
	p.holds(last("Assistant", "the first half"))
	close(shown)
	p.says("The connection ended before the answer did. What came so far is kept.")
	p.answered("the first half")
	p.click("Try again")
	p.answered("all of it")
	p.holds(`!document.querySelector("[role=alert]").innerText`)
	p.click("Previous version")
	p.answered("the first half")
}

func TestAServerThatStartsAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, "0")
	p := open(t, s.url)
	p.send(sum)
	p.answered("42")
	p.status("Ready")
	p.expectFailures()
	s.kill()
	p.status("No connection to the server")
	p.fill("textbox", "Message", other)
	disabled := `[...document.querySelectorAll("button")].find((b) => b.textContent === "Send").disabled`
	p.holds(disabled)
	p.run(p.find("textbox", "Message"), "function() { this.focus() }")
	p.press(kb.Enter)
	p.says("No connection to the server")
	assert.Equal(t, other, strings.TrimSpace(p.value("textbox", "Message")), "the message is kept") // the driver adds a line end
	assert.Len(t, p.messages(), 2)
	serve(t, s.port())
	p.status("Ready") // without the user's help
	p.holds("!" + disabled)
	p.click("Send")
	p.answered("20")
	p.holds(`!document.querySelector("[role=alert]").innerText`)
	p.click("New conversation")
	p.send(sum)
	p.answered("42")
}

// TestAConnectionThatEndsBeforeAnAnswer loses the request itself.
func TestAConnectionThatEndsBeforeAnAnswer(t *testing.T) {
	t.Parallel()
	var works atomic.Bool
	f := pretend(t, func(s *stream) {
		if !works.Load() { // the browser may try more than once
			s.cut()
		}
		s.delta("content", "here")
	})
	p := open(t, f.url)
	p.expectFailures()
	p.send("x")
	p.says("The server does not answer")
	assert.Equal(t, []message{{"You", "x"}}, p.messages(), "the message is kept")
	works.Store(true)
	p.click("Try again")
	p.answered("here")
	p.gone("button", "Previous version")
}

func TestAServerThatLoadsItsModel(t *testing.T) {
	t.Parallel()
	var ready atomic.Bool
	f := pretend(t, func(s *stream) { s.delta("content", "ok") })
	for _, path := range []string{"/health", "/v1/models"} {
		f.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if s := (&stream{w: w}); !ready.Load() {
				s.refuse(http.StatusServiceUnavailable, "the model is loading")
				return
			}
			json.NewEncoder(w).Encode(object{"data": []object{{"id": "late"}}})
		})
	}
	p := blank(t, f.url)
	p.expectFailures()
	p.visit(f.url)
	p.status("The model is being loaded")
	p.fill("textbox", "Message", "x")
	p.holds(`[...document.querySelectorAll("button")].find((b) => b.textContent === "Send").disabled`)
	ready.Store(true)
	p.status("Ready")
	p.find("option", "late")
	p.click("Send")
	p.answered("ok")
}

func TestAServerThatIsGoneInAnAnswer(t *testing.T) {
	t.Parallel()
	s := serve(t, "0", "--ignore-eos", "--stop", "")
	p := open(t, s.url)
	p.expectFailures()
	p.send(verse)
	p.holds(messages + `.at(-1).text.length > 20`)
	s.kill()
	p.says("The connection ended before the answer did.")
	p.idle()
	serve(t, s.port())
	p.click("Try again")
	p.find("button", "Previous version")
	p.idle()
	p.holds(messages + ".at(-1).text")
}
