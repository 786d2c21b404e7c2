package browser

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAStateThatIsGone goes on with conversations whose states the server no longer has.
func TestAStateThatIsGone(t *testing.T) {
	t.Parallel()
	s := serve(t, "0")
	p := open(t, s.url)
	p.send(sum)
	p.answered("42")
	p.fill("textbox", "Name of the state", "short")
	p.click("Save state")
	p.click("Load short")
	p.holds(messages + ".length === 0")
	p.send(other)
	p.answered("20")
	p.click("Delete short")
	p.click("Delete for good")
	p.gone("button", "Load short")
	p.expectFailures()
	p.send(sum)
	p.says("The state “short” is not on the server: load or upload it again, or go on without it.")
	p.click("Go on without it")
	p.answered("42")
	p.holds(`!document.querySelector("[role=log]").innerText.includes("Begins with the state")`)

	// The state behind an answer is kept for a while only: here it ends with the server.
	p.fill("textbox", "Name of the state", "again")
	p.click("Save state")
	p.click("Load again")
	p.send(other)
	p.answered("20")
	s.kill()
	p.status("No connection")
	serve(t, s.port())
	p.status("Ready")
	p.fill("textbox", "Name of the state", "late")
	p.click("Save state")
	p.says("The state behind the last answer is no longer on the server")
}

func TestStates(t *testing.T) {
	t.Parallel()
	kept := t.TempDir()
	s := serve(t, "0", "--state-dir", kept)
	p := open(t, s.url)
	p.click("Save state")
	p.says("Give the state a name first.")
	p.fill("textbox", "Name of the state", "sums")
	p.click("Save state")
	p.says("nothing to save")
	p.send(sum)
	p.answered("42")
	p.click("Save state")
	p.find("button", "Load sums")
	p.fill("textbox", "Name of the state", "copy")
	p.click("Fork sums")
	p.click("Load copy")
	p.holds(messages + ".length === 0")
	p.holds(`document.querySelector("[role=log]").innerText.includes("copy")`)
	p.send(other)
	p.answered("20")
	p.fill("textbox", "Name of the state", "after")
	p.click("Save state") // a conversation that began with a state
	p.find("button", "Load after")
	p.click("Delete copy")
	p.click("Cancel")
	p.click("Delete copy")
	p.click("Delete for good")
	p.gone("button", "Load copy")

	// The file goes to another name and is the same there.
	name := p.download("Download sums")
	assert.Equal(t, "sums.state", filepath.Base(name))
	p.fill("textbox", "Name of the state", "back")
	p.upload("Upload state", name)
	p.find("button", "Load back")
	before, err := os.ReadFile(name)
	require.NoError(t, err)
	after, err := os.ReadFile(p.download("Download back"))
	require.NoError(t, err)
	assert.NotEmpty(t, before)
	assert.True(t, bytes.Equal(before, after), "an uploaded state is what was downloaded")

	bad := filepath.Join(t.TempDir(), "bad.state")
	require.NoError(t, os.WriteFile(bad, before[:len(before)/2], 0o600))
	p.expectFailures()
	p.fill("textbox", "Name of the state", "bad")
	p.upload("Upload state", bad)
	p.holds(`document.querySelector("[role=alert]").innerText.trim()`)
	p.gone("button", "Load bad")

	// Another server with the same folder has them too.
	s.kill()
	again := serve(t, s.port(), "--state-dir", kept)
	p.load(again.url)
	p.find("button", "Load after")
	p.fill("textbox", "Name of the state", "sums")
	p.click("Load state")
	p.holds(`document.querySelector("[role=log]").innerText.includes("sums")`)
	p.send(other)
	p.answered("20")
	p.click("Delete sums")
	p.click("Delete for good")
	p.gone("button", "Load sums")
	p.fill("textbox", "Name of the state", "sums")
	p.click("Load state")
	p.holds(`document.querySelector("[role=alert]").innerText.includes("sums")`)
}
