package browser

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/browser"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Questions to the demo model. The page itself proposes others.
const (
	sum   = "What is 15 + 27?"
	other = "What is 10 + 10?"
	verse = "Complete the line: O Romeo, Romeo!"
)

func TestAnAnswerCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.send(sum)
	p.answered("42")
	assert.Equal(t, []message{{"You", sum}, {"Assistant", "42"}}, p.messages())
	p.click("Retry")
	p.find("button", "Previous version")
	p.answered("42")
	p.holds(`document.querySelector("[role=log]").innerText.includes("2 / 2")`)
	p.click("Previous version")
	p.holds(`document.querySelector("[role=log]").innerText.includes("1 / 2")`)
	p.click("Next version")
	p.holds(`document.querySelector("[role=log]").innerText.includes("2 / 2")`)
}

func TestAMessageCanBeChanged(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.send(sum)
	p.answered("42")
	p.clickOn("button", "Edit", 0)
	p.fill("textbox", "Edit", "nothing of this stays")
	p.click("Cancel")
	p.holds(last("Assistant", "42"))
	p.clickOn("button", "Edit", 0)
	p.fill("textbox", "Edit", other)
	p.click("Save")
	p.answered("20")
	assert.Equal(t, []message{{"You", other}, {"Assistant", "20"}}, p.messages())
	p.click("Previous version")
	p.answered("42")
	assert.Equal(t, []message{{"You", sum}, {"Assistant", "42"}}, p.messages())
}

func TestAForkIsAConversationOfItsOwn(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.send(sum)
	p.answered("42")
	p.clickOn("button", "Fork", 0)
	p.holds(messages + ".length === 1")
	p.count("button", sum, 2)
	p.clickOn("button", sum, 1) // the one before, which is older
	p.answered("42")
	p.clickOn("button", sum, 0)
	p.holds(messages + ".length === 1")
	p.click("Retry")
	p.answered("42")
}

func TestConversationsAreKept(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.send(sum)
	p.answered("42")
	p.click("New conversation")
	p.holds(messages + ".length === 0")
	p.send(other)
	p.answered("20")

	p.click("Rename " + sum)
	p.fill("textbox", "Title", "The answer")
	p.click("Save")
	p.find("button", "The answer")
	p.load(demo.url)
	p.click("The answer")
	p.answered("42")
	assert.Equal(t, []message{{"You", sum}, {"Assistant", "42"}}, p.messages())

	p.click("Delete " + other)
	p.gone("button", other)
	p.load(demo.url)
	p.find("button", "The answer")
	p.gone("button", other)
	p.click("Delete The answer")
	p.gone("button", "The answer")
	p.holds(messages + ".length === 0")
}

func TestADeletionCanBeTakenBack(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.send(sum)
	p.answered("42")
	p.click("Delete " + sum)
	p.gone("button", "Delete "+sum)
	p.holds(messages + ".length === 0")
	p.click("Undo")
	p.answered("42")
	p.gone("button", "Undo")
	p.load(demo.url)
	p.click(sum)
	p.answered("42")
}

func TestADeletionEndsTheAnswer(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	f := pretend(t, func(s *stream) {
		s.delta("content", "begun")
		<-s.gone
		close(ended)
	})
	p := open(t, f.url)
	p.send("x")
	p.holds(last("Assistant", "begun"))
	p.click("Delete x")
	<-ended
	p.idle()
	p.holds(messages + ".length === 0")
	p.load(f.url)
	p.gone("button", "Delete x")
}

// TestStorageThatIsDenied and the next test have a browser that keeps nothing. The page works all the same, and says so.
func TestStorageThatIsDenied(t *testing.T) {
	t.Parallel()
	p := blank(t, demo.url)
	call(p, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: `
		for (const name of ["localStorage", "sessionStorage", "indexedDB"])
			Object.defineProperty(window, name, {get() { throw new DOMException("denied", "SecurityError") }});`})
	p.load(demo.url)
	p.send(sum)
	p.says("This browser does not keep conversations")
	p.answered("42")
	p.click("New conversation")
	p.send(other)
	p.answered("20")
	p.click(sum)
	p.answered("42")
	p.fill("spinbutton", "Longest answer", "2")
	p.choose("Theme", "Dark")
	p.click("Retry")
	p.answered("4")
}

func TestStorageThatIsFull(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.evaluate(`IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError") };
		Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") };`)
	p.send(sum)
	p.says("The browser's storage is full")
	p.answered("42")
	p.click("New conversation")
	p.click(sum)
	p.answered("42")
	require.Len(t, read(t, p.download("Export")).Conversations, 1)
}

// exported is what a file of exported conversations has to say.
type exported struct {
	Format        string         `json:"format"`
	Conversations []conversation `json:"conversations"`
}

type conversation struct {
	Title string `json:"title"`
	Nodes []node `json:"nodes"`
}

type node struct {
	ID      int    `json:"id"`
	Parent  int    `json:"parent"` // 0 is none
	Role    string `json:"role"`
	Content string `json:"content"`
}

func read(t *testing.T, name string) (e exported) {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &e))
	return e
}

func TestConversationsCanMove(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.send(sum)
	p.answered("42")
	p.click("Retry")
	p.find("button", "Previous version")
	p.answered("42")
	name := p.download("Export")
	before := read(t, name)
	require.Len(t, before.Conversations, 1)
	require.Len(t, before.Conversations[0].Nodes, 3)

	q := open(t, demo.url)
	q.upload("Import", name)
	q.click(sum)
	q.answered("42")
	q.find("button", "Previous version")
	assert.Equal(t, before, read(t, q.download("Export")))

	for what, damage := range map[string]func(*exported){
		"another format":             func(e *exported) { e.Format = "other" },
		"a role that does not exist": func(e *exported) { e.Conversations[0].Nodes[1].Role = "system" },
		"an answer to nothing":       func(e *exported) { e.Conversations[0].Nodes[1].Parent = 9 },
	} {
		t.Log(what)
		bad := read(t, name)
		damage(&bad)
		q.refuses(written(t, bad))
	}
	early := filepath.Join(t.TempDir(), "early.json")
	require.NoError(t, os.WriteFile(early, []byte(`{"format":`), 0o600))
	q.refuses(early)
	assert.Equal(t, before, read(t, q.download("Export")), "what was refused left nothing")
	q.upload("Import", written(t, before))
	q.count("button", sum, 2)
}

// written writes a file of exported conversations.
func written(t *testing.T, e exported) (name string) {
	t.Helper()
	data, err := json.Marshal(e)
	require.NoError(t, err)
	name = filepath.Join(t.TempDir(), "conversations.json")
	require.NoError(t, os.WriteFile(name, data, 0o600))
	return name
}

// refuses imports a file and expects an error.
func (p *page) refuses(name string) {
	p.t.Helper()
	p.load(demo.url) // takes the error before away
	p.upload("Import", name)
	p.says("does not hold conversations")
}

func TestAMessageCanBeCopied(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) { s.delta("content", "Here:\n\n```go\nx := <-y\n\tz()\n```\n") })
	p := open(t, f.url)
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		call(p, browser.SetPermission, browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name},
			Setting: browser.PermissionSettingGranted, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID})
	}
	p.send(sum)
	p.idle()
	p.find("button", "Copy code")
	copied := func(want string) {
		t.Helper()
		p.until("the clipboard has "+want, func(ctx context.Context) (bool, error) {
			text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("navigator.clipboard.readText()", chromedp.EvalAwaitPromise))
			return text == want, err
		})
	}
	p.clickOn("button", "Copy", 0)
	copied(sum)
	p.click("Copy code")
	copied("x := <-y\n\tz()\n")
}
