// Package hub downloads files of model repositories from Hugging Face, its mirrors, and ModelScope.
//
// List asks which files a repository has. Fetch downloads one of them into a cache with the layout of Hugging Face's own, so other
// programs find it. A download that was stopped continues where it ended. Every file is compared with the hash that the hub lists.
//
// The names, sizes and hashes that a server sends are checked before use. A hash names a file on the disk only if it is a number of
// the right length. The token goes to the hub's own address and nowhere else. Redirects may lead to any public address over HTTPS.
//
// Limits: repositories of models only, not of data sets. Repositories that only Xet's protocol can read are not supported.
package hub

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Protocol is how a hub is asked.
type Protocol int

// The protocols.
const (
	HuggingFace Protocol = iota
	ModelScope
)

// Host returns the name of the hub in names of models.
func (p Protocol) Host() string {
	if p == ModelScope {
		return "modelscope.cn"
	}
	return "hf.co"
}

// Site is a hub: what it speaks, where it is, and where its files are kept.
type Site struct {
	Protocol Protocol
	Endpoint string // such as https://huggingface.co
	// Named tells that the user named the endpoint. Only then may it have a private address, or be without TLS.
	Named bool
	Token string // sent to the endpoint's host only; empty is none
	Cache string // folder with the layout of Hugging Face's cache
}

// HuggingFaceSite returns the site that Hugging Face's variables describe: HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_CACHE, HF_HOME
// and XDG_CACHE_HOME. getenv is os.Getenv.
func HuggingFaceSite(getenv func(string) string) (Site, error) {
	home := getenv("HF_HOME")
	if home == "" {
		cache := getenv("XDG_CACHE_HOME")
		if cache == "" {
			user, err := os.UserHomeDir()
			if err != nil {
				return Site{}, fmt.Errorf("no folder for downloads: %w: name one with HF_HOME", err)
			}
			cache = filepath.Join(user, ".cache")
		}
		home = filepath.Join(cache, "huggingface")
	}
	s := Site{Endpoint: strings.TrimRight(getenv("HF_ENDPOINT"), "/"), Cache: getenv("HF_HUB_CACHE"), Token: strings.TrimSpace(getenv("HF_TOKEN"))}
	s.Named = s.Endpoint != ""
	s.Endpoint = cmp.Or(s.Endpoint, "https://huggingface.co")
	s.Cache = cmp.Or(s.Cache, filepath.Join(home, "hub"))
	if s.Token == "" {
		text, err := os.ReadFile(cmp.Or(getenv("HF_TOKEN_PATH"), filepath.Join(home, "token")))
		if err == nil && len(text) < 4096 {
			s.Token = strings.TrimSpace(string(text))
		}
	}
	return s, nil
}

// ModelScopeSite returns the site that ModelScope's variables describe: MODELSCOPE_DOMAIN, with or without a scheme, and
// MODELSCOPE_API_TOKEN. Its files are kept beside those of Hugging Face, in a folder of their own.
func ModelScopeSite(getenv func(string) string) (Site, error) {
	hf, err := HuggingFaceSite(getenv)
	if err != nil {
		return Site{}, err
	}
	domain := strings.TrimRight(getenv("MODELSCOPE_DOMAIN"), "/")
	s := Site{Protocol: ModelScope, Endpoint: domain, Named: domain != "", Token: getenv("MODELSCOPE_API_TOKEN"), Cache: filepath.Join(hf.Cache, modelScopeFolder)}
	if s.Endpoint = cmp.Or(s.Endpoint, "https://www.modelscope.cn"); !strings.Contains(s.Endpoint, "://") {
		s.Endpoint = "https://" + s.Endpoint
	}
	return s, nil
}

// ClientsOf returns a function that returns the client for a hub that the variables describe, as HuggingFaceSite and ModelScopeSite
// do.
func ClientsOf(getenv func(string) string, o Options) func(Protocol) (*Client, error) {
	return func(p Protocol) (*Client, error) {
		site := HuggingFaceSite
		if p == ModelScope {
			site = ModelScopeSite
		}
		s, err := site(getenv)
		if err != nil {
			return nil, err
		}
		return New(s, o)
	}
}

// Client asks one hub. It may be shared between goroutines.
type Client struct {
	site Site
	base *url.URL
	http *http.Client
	gate *gate

	agent string
	wait  time.Duration
	stall time.Duration
}

// Options say how a Client behaves. The zero value works.
type Options struct {
	Agent string        // the program and its version, for the hub's statistics
	Wait  time.Duration // before the first repetition of a request; later ones wait longer. 0 is one second
	Stall time.Duration // after this time without a byte a connection counts as broken. 0 is 30 seconds
}

// New returns a client for a site.
func New(site Site, o Options) (*Client, error) {
	base, err := url.Parse(site.Endpoint)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the hub's address %q: %w", site.Endpoint, err)
	case base.Scheme != "https" && base.Scheme != "http" || base.Host == "":
		return nil, fmt.Errorf("the hub's address %q: want one such as https://huggingface.co", site.Endpoint)
	case base.User != nil:
		return nil, errors.New("the hub's address holds a password: leave it out, and use a token")
	}
	g, stall := newGate(base, site.Named), cmp.Or(o.Stall, 30*time.Second)
	return &Client{
		site: site, base: base, gate: g, http: g.client(2 * stall),
		agent: cmp.Or(o.Agent, "gosling"), wait: cmp.Or(o.Wait, time.Second), stall: stall,
	}, nil
}

// Repo is a repository of a model at a hub.
type Repo struct {
	Owner, Name string
	Revision    string // a branch, a tag or a commit; empty is the main branch
}

// String returns the repository as it is written: OWNER/NAME.
func (r Repo) String() string { return r.Owner + "/" + r.Name }

// Check returns an error unless the parts are names as hubs have them.
func (r Repo) Check() error {
	if !plain(r.Owner) || !plain(r.Name) {
		return fmt.Errorf("%q is not the name of a repository: want OWNER/NAME", r.String())
	}
	for part := range strings.SplitSeq(r.Revision, "/") {
		if r.Revision != "" && !plain(part) {
			return fmt.Errorf("%q is not a revision: want a branch, a tag or a commit", r.Revision)
		}
	}
	return nil
}

// plain reports whether a text is the name of a file on every system, made of letters, digits and ._+-.
func plain(name string) bool {
	return fileName(name) && name[0] != '.' && strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._+-", r)
	}) < 0
}

// deviceName reports whether Windows gives a file name to a device.
func deviceName(name string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) && stem[3] >= '0' && stem[3] <= '9'
}

// CheckPath returns an error unless path is a relative path with slashes whose parts can be names of files on every system.
func CheckPath(path string) error {
	for name := range strings.SplitSeq(path, "/") {
		if !fileName(name) {
			return fmt.Errorf("%q is not a name that a file can have here", path)
		}
	}
	return nil
}

// fileName reports whether a text can be the name of a file on every system.
func fileName(name string) bool {
	return name != "" && len(name) <= 200 && utf8.ValidString(name) && name[0] != ' ' && strings.TrimRight(name, " .") == name && !deviceName(name) &&
		strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`\/:*?"<>|`, r) }) < 0
}

// File is a file of a repository.
type File struct {
	Path   string `json:"path"` // with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"` // of large files, in hexadecimal
	SHA1   string `json:"sha1,omitempty"`   // of other files, as git computes it
}

// ID returns the name of the file in the cache: its hash.
func (f File) ID() string { return cmp.Or(f.SHA256, f.SHA1) }

// check returns an error unless the file can be downloaded and compared with its hash.
func (f File) check() error {
	switch {
	case f.Size < 0:
		return fmt.Errorf("%s: the hub lists %d bytes", f.Path, f.Size)
	case f.SHA256 == "" && f.SHA1 == "":
		return fmt.Errorf("%s: the hub lists no hash to compare it with", f.Path)
	case f.SHA256 != "" && !isHash(f.SHA256, 64), f.SHA256 == "" && !isHash(f.SHA1, 40):
		return fmt.Errorf("%s: the hub lists %q, which is not a hash", f.Path, f.ID())
	}
	return CheckPath(f.Path)
}

// isHash reports whether a text is a number of so many hexadecimal digits.
func isHash(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == ""
}
