package browser

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/browser"
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
	p := open(t, demo.url)
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		call(p, browser.SetPermission, browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name},
			Setting: browser.PermissionSettingGranted, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID})
	}
	p.send(sum)
	p.answered("42")
	p.clickOn("button", "Copy", 0)
	p.until("the clipboard has the message", func(ctx context.Context) (bool, error) {
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("navigator.clipboard.readText()", chromedp.EvalAwaitPromise))
		return text == sum, err
	})
}
