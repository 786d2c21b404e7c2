package browser

import (
	"testing"

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
	p.send(other)
	p.says("No connection to the server")
	p.status("No connection to the server")
	assert.Equal(t, message{"You", other}, p.messages()[2], "the message is kept")
	serve(t, s.port())
	p.status("Ready") // without the user's help
	p.click("Try again")
	p.holds(messages + ".length === 4")
	p.idle()
	p.click("New conversation")
	p.send(sum)
	p.answered("42")
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
