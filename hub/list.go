package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/infile"
)

// The limits of a list of files.
const (
	mostFiles = 100_000
	mostPages = 1_000
)

var pageLimit = infile.Limit{Bytes: 16 << 20, What: "a page of a hub's list of files"}

// Listing is a list of the files that a repository has. Files whose names cannot be used here, or that have no hash, are left out.
type Listing struct {
	Repo
	Files []File
}

// List asks which files a repository has at its revision.
func (c *Client) List(ctx context.Context, r Repo) (Listing, error) {
	l := Listing{Repo: r}
	if err := r.Check(); err != nil {
		return l, err
	}
	at := c.base.JoinPath("api", "models", r.Owner, r.Name, "tree", url.PathEscape(c.revision(r)))
	at.RawQuery = "recursive=true"
	read := l.addHuggingFace
	if c.site.Protocol == ModelScope {
		at = c.base.JoinPath("api", "v1", "models", r.Owner, r.Name, "repo", "files")
		at.RawQuery = url.Values{"Revision": {c.revision(r)}, "Recursive": {"True"}}.Encode()
		read = l.addModelScope
	}
	for range mostPages {
		var next string
		err := c.again(ctx, func() (bool, error) {
			answer, err := c.send(ctx, ask{method: http.MethodGet, url: at, what: r.String()})
			if err != nil {
				return false, err
			}
			defer answer.Body.Close()
			body, err := pageLimit.All(r.String()+": the list of files", answer.Body)
			if err != nil {
				return false, &brief{error: &NetworkError{Host: at.Host, err: err}}
			}
			next = nextPage(answer.Header)
			return true, read(body)
		})
		switch {
		case err != nil:
			return l, err
		case len(l.Files) > mostFiles:
			return l, fmt.Errorf("%s: lists more than %d files", r, mostFiles)
		case next == "":
			return l, nil
		}
		if at, err = at.Parse(next); err != nil || at.Host != c.base.Host {
			return l, fmt.Errorf("%s: the list of files continues at %q, which is not the hub's", r, next)
		}
	}
	return l, fmt.Errorf("%s: the list of files has more than %d pages", r, mostPages)
}

// revision returns the repository's revision, or the hub's main branch.
func (c *Client) revision(r Repo) string {
	switch {
	case r.Revision != "":
		return r.Revision
	case c.site.Protocol == ModelScope:
		return "master"
	}
	return "main"
}

// nextPage returns the address of the next page of a list, or "".
func nextPage(h http.Header) string {
	for link := range strings.SplitSeq(h.Get("Link"), ",") {
		target, parameters, _ := strings.Cut(strings.TrimSpace(link), ";")
		if strings.Contains(parameters, `rel="next"`) {
			return strings.Trim(strings.TrimSpace(target), "<>")
		}
	}
	return ""
}

func (l *Listing) addHuggingFace(body []byte) error {
	var entries []struct {
		Type, OID, Path string
		Size            int64
		LFS             *struct {
			OID  string
			Size int64
		}
	}
	if err := json.Unmarshal(body, &entries); err != nil {
		return l.unreadable(err)
	}
	for _, e := range entries {
		f := File{Path: e.Path, Size: e.Size, SHA1: e.OID}
		if e.LFS != nil {
			f.SHA256, f.SHA1, f.Size = e.LFS.OID, "", e.LFS.Size
		}
		if e.Type == "file" {
			l.add(f)
		}
	}
	return nil
}

func (l *Listing) addModelScope(body []byte) error {
	var answer struct {
		Code    int
		Message string
		Data    struct {
			Files []struct {
				Type, Path, Sha256 string
				Size               int64
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return l.unreadable(err)
	}
	if answer.Code != 0 && answer.Code != http.StatusOK {
		return &StatusError{What: l.String(), Code: answer.Code, Why: "the hub says: " + answer.Message, kind: ErrNotFound}
	}
	for _, f := range answer.Data.Files {
		if f.Type == "blob" {
			l.add(File{Path: f.Path, Size: f.Size, SHA256: f.Sha256})
		}
	}
	return nil
}

func (l *Listing) add(f File) {
	if f.check() == nil {
		l.Files = append(l.Files, f)
	}
}

func (l *Listing) unreadable(err error) error {
	var syntax *json.SyntaxError
	where := ""
	if errors.As(err, &syntax) {
		where = fmt.Sprintf(" at byte %d", syntax.Offset)
	}
	return fmt.Errorf("%s: the list of files is not what a hub sends%s: %w: is this address a hub?", l.Repo, where, err)
}
