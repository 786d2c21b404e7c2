package browser

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAKeyIsAskedFor(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	out, err := exec.Command(*program, "key", "new", "alice", "--file", keys).Output()
	require.NoError(t, err)
	key := strings.TrimSpace(string(out))
	s := serve(t, "0", "--api-key-file", keys)
	p := blank(t, s.url)
	p.expectFailures()
	p.visit(s.url)
	p.says("The server wants a key.")
	p.fill("textbox", "API key", "wrong")
	p.click("Use key")
	p.says("The server wants a key.")
	p.fill("textbox", "API key", key)
	p.click("Use key")
	p.gone("textbox", "API key")
	p.status("Ready")
	p.send(sum)
	p.answered("42")
	p.load(s.url) // the tab keeps the key
	p.click(sum)
	p.answered("42")
	p.gone("textbox", "API key")
	assert.Equal(t, key, eval[string](p, `sessionStorage.getItem("key")`))
	assert.NotContains(t, eval[string](p, `JSON.stringify(localStorage) + document.cookie + location.href`), key)
	assert.NotContains(t, eval[string](p, `new Promise((done) => {
		const r = indexedDB.open("gosling");
		r.onsuccess = () => { const all = r.result.transaction("bodies").objectStore("bodies").getAll(); all.onsuccess = () => done(JSON.stringify(all.result)) };
	})`), key)
}
