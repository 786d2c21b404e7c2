// Package fakehub is a server for tests that answers as Hugging Face's hub and ModelScope do: lists of files, metadata in headers,
// redirects to another host that has the bytes, ranges, ETags, and errors. Faults can be asked for.
//
// huggingface_hub, the hub's own client, downloads from it (see package hub's tests). Limits: one revision of each repository.
package fakehub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Faults are what goes wrong. The zero value is a hub that works.
type Faults struct {
	Status     int                        // answer with this status,
	Times      int                        // so many times; 0 is always
	ErrorCode  string                     // in X-Error-Code
	RetryAfter string                     // in Retry-After
	CutAfter   int                        // close the connection after so many bytes of a file,
	Cuts       int                        // so many times; 0 is always
	Corrupt    bool                       // change a byte of every large file
	Longer     int                        // send so many bytes too many
	NoRanges   bool                       // answer ranges with the whole file
	WrongRange bool                       // answer ranges with another one
	ETags      bool                       // give every answer for a large file another ETag
	Mute       bool                       // do not answer
	Pause      time.Duration              // wait before each piece of a large file
	Piece      int                        // its size; 0 is 64 KiB
	Redirect   func(target string) string // changes where large files are
	PageSize   int                        // files on a page of the list; 0 is all
	Rename     func(path string) string   // changes the names in the list
	Larger     int64                      // list so many bytes more
}

// Repo is a repository.
type Repo struct {
	Files map[string][]byte
	Sizes map[string]int64 // sizes to list for files that are larger than what there is
	Gated bool             // only Token may read it
}

// Request is a request that the hub received.
type Request struct {
	Method, Path, Range, Token, Agent string
	CDN                               bool // at the host that has the bytes
}

// Sent counts the requests that the host with the bytes of large files answered.
func Sent(requests []Request) (n int) {
	for _, r := range requests {
		if r.CDN {
			n++
		}
	}
	return n
}

// Hub is a running server. Its fields may be changed between requests.
type Hub struct {
	URL   string
	Token string // the only one that is accepted

	mu       sync.Mutex
	repos    map[string]*Repo
	faults   Faults
	requests []Request
	count    int

	hub, cdn *httptest.Server
}

// Commit is the commit that every repository is at.
const Commit = "0123456789abcdef0123456789abcdef01234567"

// small is the size below which files are not in LFS.
const small = 1 << 10

// New starts a hub. The caller closes it.
func New() *Hub {
	h := &Hub{Token: "hf_goose", repos: map[string]*Repo{}}
	h.cdn = httptest.NewServer(http.HandlerFunc(h.serveCDN))
	h.hub = httptest.NewServer(http.HandlerFunc(h.serve))
	h.URL = h.hub.URL
	return h
}

// Close stops the hub.
func (h *Hub) Close() {
	h.hub.CloseClientConnections()
	h.cdn.CloseClientConnections()
	h.hub.Close()
	h.cdn.Close()
}

// Add adds files to a repository, OWNER/NAME.
func (h *Hub) Add(name string, files map[string][]byte) *Repo {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.repos[name] == nil {
		h.repos[name] = &Repo{Files: map[string][]byte{}, Sizes: map[string]int64{}}
	}
	for path, data := range files {
		h.repos[name].Files[path] = data
	}
	return h.repos[name]
}

// Break sets what goes wrong from now on.
func (h *Hub) Break(f Faults) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults, h.count = f, 0
}

// Requests returns what the hub was asked, and forgets it.
func (h *Hub) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.requests
	h.requests = nil
	return all
}

// note keeps a request and returns the faults for it.
func (h *Hub) note(r *http.Request, cdn bool) Faults {
	h.mu.Lock()
	defer h.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	h.requests = append(h.requests, Request{r.Method, r.URL.Path, r.Header.Get("Range"), token, r.UserAgent(), cdn})
	return h.faults
}

// due reports whether a fault that happens a number of times happens once more.
func (h *Hub) due(times int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	return times == 0 || h.count <= times
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	if code != "" {
		w.Header().Set("X-Error-Code", code)
	}
	w.Header().Set("X-Error-Message", message)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
}

func (h *Hub) serve(w http.ResponseWriter, r *http.Request) {
	f := h.note(r, false)
	if f.Mute {
		<-r.Context().Done()
		return
	}
	if f.Status != 0 && h.due(f.Times) {
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		refuse(w, f.Status, f.ErrorCode, "a fault")
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/v1/models/") && len(parts) >= 6:
		h.modelScope(w, r, f, parts[3]+"/"+parts[4], parts[5:])
	case strings.HasPrefix(r.URL.Path, "/api/resolve-cache/models/") && len(parts) >= 7:
		h.cached(w, r, parts[3]+"/"+parts[4], strings.Join(parts[6:], "/"))
	case strings.HasPrefix(r.URL.Path, "/api/models/") && len(parts) >= 4:
		h.api(w, r, f, parts[2]+"/"+parts[3], parts[4:])
	case len(parts) >= 5 && parts[2] == "resolve":
		h.resolve(w, r, f, parts[0]+"/"+parts[1], parts[3], strings.Join(parts[4:], "/"))
	default:
		refuse(w, http.StatusNotFound, "", "no such page")
	}
}

// repo returns a repository that the request may read.
func (h *Hub) repo(w http.ResponseWriter, r *http.Request, name, revision string) *Repo {
	h.mu.Lock()
	defer h.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	repo := h.repos[name]
	switch {
	case token != "" && token != h.Token:
		refuse(w, http.StatusUnauthorized, "", "Invalid credentials in Authorization header")
	case repo == nil && token == "":
		refuse(w, http.StatusUnauthorized, "RepoNotFound", "Invalid username or password.")
	case repo == nil:
		refuse(w, http.StatusNotFound, "RepoNotFound", "Repository not found")
	case !slices.Contains([]string{"main", "master", Commit}, revision):
		refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+revision)
	default:
		return repo
	}
	return nil
}

// closed refuses a gated repository to those who have no access.
func (h *Hub) closed(w http.ResponseWriter, r *http.Request, repo *Repo) bool {
	if !repo.Gated || r.Header.Get("Authorization") == "Bearer "+h.Token {
		return false
	}
	refuse(w, http.StatusUnauthorized, "GatedRepo", "Access to this model is restricted.")
	return true
}

// entry is what the list says of a file.
type entry struct {
	Type string `json:"type"`
	OID  string `json:"oid"`
	Size int64  `json:"size"`
	Path string `json:"path"`
	LFS  *lfs   `json:"lfs,omitempty"`
}

type lfs struct {
	OID     string `json:"oid"`
	Size    int64  `json:"size"`
	Pointer int    `json:"pointerSize"` // size of the file that git has in its place
}

// SHA256 returns the hash of data in hexadecimal.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// gitHash returns the hash of data as git computes it.
func gitHash(data []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
	return hex.EncodeToString(sum[:])
}

func (h *Hub) list(repo *Repo, f Faults) []entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := []entry{}
	for path, data := range repo.Files {
		e := entry{Type: "file", OID: gitHash(data), Size: int64(len(data)) + f.Larger, Path: path}
		if size, ok := repo.Sizes[path]; ok {
			e.Size = size
		}
		if len(data) >= small {
			e.LFS = &lfs{SHA256(data), e.Size, 134}
		}
		if f.Rename != nil {
			e.Path = f.Rename(path)
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	return all
}

func (h *Hub) api(w http.ResponseWriter, r *http.Request, f Faults, name string, rest []string) {
	revision := "main"
	if len(rest) > 1 {
		revision, _ = url.PathUnescape(rest[1])
	}
	repo := h.repo(w, r, name, revision)
	if repo == nil {
		return
	}
	all := h.list(repo, f)
	if len(rest) == 0 || rest[0] == "revision" {
		var siblings []map[string]string
		for _, e := range all {
			siblings = append(siblings, map[string]string{"rfilename": e.Path})
		}
		reply(w, map[string]any{"id": name, "modelId": name, "sha": Commit, "private": false, "siblings": siblings})
		return
	}
	if f.PageSize > 0 {
		from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		from = min(max(from, 0), len(all))
		to := min(from+f.PageSize, len(all))
		if to < len(all) {
			next := *r.URL
			query := next.Query()
			query.Set("cursor", strconv.Itoa(to))
			next.RawQuery = query.Encode()
			w.Header().Set("Link", fmt.Sprintf(`<%s%s>; rel="next"`, h.URL, next.String()))
		}
		all = all[from:to]
	}
	reply(w, all)
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (h *Hub) file(w http.ResponseWriter, repo *Repo, path string) ([]byte, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	data, ok := repo.Files[path]
	if !ok {
		refuse(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
	}
	return data, ok
}

// escaped writes a path as a URL has it.
func escaped(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// resolve answers what a file is, and where.
func (h *Hub) resolve(w http.ResponseWriter, r *http.Request, f Faults, name, revision, path string) {
	revision, _ = url.PathUnescape(revision)
	repo := h.repo(w, r, name, revision)
	if repo == nil || h.closed(w, r, repo) {
		return
	}
	data, ok := h.file(w, repo, path)
	if !ok {
		return
	}
	w.Header().Set("X-Repo-Commit", Commit)
	if len(data) < small {
		w.Header().Set("ETag", strconv.Quote(gitHash(data)))
		w.Header().Set("Location", escaped("/api/resolve-cache/models/"+name+"/"+Commit+"/"+path))
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	target := h.cdn.URL + escaped("/"+name+"/"+path)
	if f.Redirect != nil {
		target = f.Redirect(target)
	}
	w.Header().Set("X-Linked-Size", strconv.Itoa(len(data)))
	w.Header().Set("X-Linked-ETag", strconv.Quote(SHA256(data)))
	w.Header().Set("ETag", strconv.Quote(SHA256(data)))
	w.Header().Set("X-Xet-Hash", strings.Repeat("0", 64)) // clients may ignore it
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}

// cached sends a small file.
func (h *Hub) cached(w http.ResponseWriter, r *http.Request, name, path string) {
	repo := h.repo(w, r, name, Commit)
	if repo == nil || h.closed(w, r, repo) {
		return
	}
	if data, ok := h.file(w, repo, path); ok {
		w.Header().Set("X-Repo-Commit", Commit)
		w.Header().Set("ETag", strconv.Quote(gitHash(data)))
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(data)
		}
	}
}

func (h *Hub) modelScope(w http.ResponseWriter, r *http.Request, f Faults, name string, rest []string) {
	query := r.URL.Query()
	h.mu.Lock()
	repo := h.repos[name]
	h.mu.Unlock()
	if repo == nil {
		w.WriteHeader(http.StatusNotFound)
		reply(w, map[string]any{"Code": 10010205001, "Message": "The model is not found", "Success": false})
		return
	}
	if len(rest) == 2 && rest[1] == "files" {
		var files []map[string]any
		for _, e := range h.list(repo, f) {
			h.mu.Lock()
			data := repo.Files[e.Path]
			h.mu.Unlock()
			files = append(files, map[string]any{"Path": e.Path, "Name": e.Path, "Type": "blob", "Size": e.Size, "Sha256": SHA256(data), "Revision": Commit})
		}
		reply(w, map[string]any{"Code": 200, "Success": true, "Data": map[string]any{"Files": files}})
		return
	}
	path := query.Get("FilePath")
	if data, ok := h.file(w, repo, path); ok && len(data) >= small {
		w.Header().Set("Location", h.cdn.URL+escaped("/"+name+"/"+path))
		w.WriteHeader(http.StatusFound)
	} else if ok {
		_, _ = w.Write(data)
	}
}

// serveCDN sends the bytes of large files.
func (h *Hub) serveCDN(w http.ResponseWriter, r *http.Request) {
	f := h.note(r, true)
	parts := strings.SplitN(strings.Trim(r.URL.Path, "/"), "/", 3)
	h.mu.Lock()
	var data []byte
	if len(parts) == 3 && h.repos[parts[0]+"/"+parts[1]] != nil {
		data = h.repos[parts[0]+"/"+parts[1]].Files[parts[2]]
	}
	h.mu.Unlock()
	if data == nil {
		http.NotFound(w, r)
		return
	}
	etag := strconv.Quote("cdn-" + SHA256(data)[:16])
	if f.ETags {
		h.due(0)
		etag = strconv.Quote(fmt.Sprint("cdn-", h.count))
	}
	w.Header().Set("ETag", etag)
	if f.Corrupt {
		data = slices.Clone(data)
		data[len(data)/2] ^= 1
	}
	from := h.from(r, f, etag, len(data))
	if from < 0 || from > len(data) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(data)))
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	body := slices.Concat(data[from:], make([]byte, f.Longer))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if f.Longer > 0 {
		w.Header().Del("Content-Length")
	}
	if from > 0 {
		start := from
		if f.WrongRange {
			start--
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(data)-1, len(data)))
		w.WriteHeader(http.StatusPartialContent)
	}
	if r.Method != http.MethodHead {
		h.send(w, r, f, body)
	}
}

// from returns the first byte that a request asks for.
func (h *Hub) from(r *http.Request, f Faults, etag string, size int) int {
	asked := r.Header.Get("Range")
	condition := r.Header.Get("If-Range")
	if asked == "" || f.NoRanges || condition != "" && condition != etag {
		return 0
	}
	from, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(asked, "bytes="), "-"))
	if err != nil || from >= size {
		return -1
	}
	return from
}

// send sends a body in pieces, and cuts it if it is to be cut.
func (h *Hub) send(w http.ResponseWriter, r *http.Request, f Faults, body []byte) {
	piece := f.Piece
	if piece == 0 {
		piece = 64 << 10
	}
	cut := f.CutAfter > 0 && f.CutAfter < len(body) && h.due(f.Cuts)
	if cut {
		body = body[:f.CutAfter]
	}
	_ = http.NewResponseController(w).Flush()
	for len(body) > 0 {
		n := min(piece, len(body))
		select {
		case <-time.After(f.Pause):
		case <-r.Context().Done():
			return
		}
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		if f.Pause > 0 {
			_ = http.NewResponseController(w).Flush()
		}
		body = body[n:]
	}
	if !cut {
		return
	}
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
