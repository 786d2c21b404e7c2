// Package web is the page: a conversation with the model in a browser. Its files are part of the program, and it asks no other server.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

//go:embed page
var files embed.FS

// Policy is the Content-Security-Policy of the page: nothing from elsewhere, no inline scripts or styles, no markup made from text.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Index is the name of the page itself, among its files.
const Index = "index.html"

// Serve answers with a file of the page. It reports whether there is one of that name; otherwise, nothing was written.
func Serve(w http.ResponseWriter, r *http.Request, name string) bool {
	data, err := files.ReadFile(path.Join("page", path.Base(name)))
	if err != nil {
		return false
	}
	sum := sha256.Sum256(data)
	h := w.Header()
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache") // a new program has a new page
	h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	kinds := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8"}
	h.Set("Content-Type", kinds[path.Ext(name)]) // the tables of the system may be wrong
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	return true
}
