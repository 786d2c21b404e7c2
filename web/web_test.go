package web_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/web"
)

func get(name, etag string) (*httptest.ResponseRecorder, bool) {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/page/"+path.Base(name), http.NoBody)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	ok := web.Serve(w, r, name)
	return w, ok
}

// source returns all files of the page by their names.
func source(t *testing.T) map[string]string {
	files := map[string]string{}
	entries, err := fs.ReadDir(os.DirFS("page"), ".")
	require.NoError(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(path.Join("page", e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(data)
	}
	return files
}

func TestServe(t *testing.T) {
	for name, text := range source(t) {
		w, ok := get(name, "")
		require.True(t, ok, name)
		assert.Equal(t, text, w.Body.String(), name)
		h := w.Header()
		assert.Equal(t, web.Policy, h.Get("Content-Security-Policy"))
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		assert.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
		assert.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"))
		assert.NotEmpty(t, h.Get("Content-Type"), name)
		again, _ := get(name, h.Get("ETag"))
		assert.Equal(t, http.StatusNotModified, again.Code, name)
	}
	for _, name := range []string{"", ".", "..", "missing.js", "../web.go"} {
		w, ok := get(name, "")
		assert.False(t, ok, name)
		assert.Empty(t, w.Header(), name)
	}
}

// TestThePageIsOurs checks that the page is small, makes no markup from text, and names no other server.
func TestThePageIsOurs(t *testing.T) {
	lines := 0
	bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|(?:src|href|url)\(?=?["']?https?:`)
	for name, text := range source(t) {
		lines += strings.Count(text, "\n")
		assert.Empty(t, bad.FindString(text), name)
	}
	assert.Less(t, lines, 2000)
}

// tags are the names of elements that are made with a word.
var tags = []string{"button", "div", "dt", "label", "p", "span"}

// TestTheLanguagesHaveTheSameWords checks that each word is in both languages, and that the page's files use these words and no others.
func TestTheLanguagesHaveTheSameWords(t *testing.T) {
	files := source(t)
	en, zh, found := strings.Cut(files["words.js"], "\n  zh: {")
	require.True(t, found)
	_, en, found = strings.Cut(en, "\n  en: {")
	require.True(t, found)
	keys := func(text string) (all []string) {
		for _, m := range regexp.MustCompile(`(?:^|[\s,{])([a-zA-Z0-9]+): "`).FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all)
		return all
	}
	assert.Equal(t, keys(en), keys(zh))
	assert.Equal(t, keys(en), slices.Compact(keys(en)), "a word twice")
	var code strings.Builder
	delete(files, "words.js")
	for _, text := range files {
		code.WriteString(text)
	}
	used := regexp.MustCompile(`data-[tlp]="([a-zA-Z0-9]+)"|\b(?:say|button|word|call|Said)\((?:[^"()]*(?:\([^()]*\))?, )?"([a-zA-Z0-9]+)"`)
	for _, m := range used.FindAllStringSubmatch(code.String(), -1) {
		if word := m[1] + m[2]; !slices.Contains(tags, word) {
			assert.Contains(t, keys(en), word)
		}
	}
	for _, word := range keys(en) {
		if !strings.HasPrefix(word, "try") { // those are numbered
			assert.Contains(t, code.String(), `"`+word+`"`, "a word that nothing says")
		}
	}
	assert.Equal(t, strings.Count(en, "{}"), strings.Count(zh, "{}"), "what is filled in")
}
