package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// The kinds of answers that a caller may test for.
var (
	ErrNotFound = errors.New("not found")
	ErrGated    = errors.New("access must be granted")
	ErrToken    = errors.New("the token is not accepted")
)

// StatusError is an answer that is not what was asked for. It wraps ErrNotFound, ErrGated, ErrToken or nothing.
type StatusError struct {
	What string // what was asked for
	Code int    // of HTTP
	Why  string // what that means, and what to do
	kind error
}

func (e *StatusError) Error() string { return e.What + ": " + e.Why }
func (e *StatusError) Unwrap() error { return e.kind }

// NetworkError is the error of a hub that cannot be reached, or of a connection that broke again and again.
type NetworkError struct {
	Host string
	Kept int64 // bytes of the file that arrived and are kept for the next try
	err  error
}

func (e *NetworkError) Error() string { return fmt.Sprintf("%s: %s", e.Host, reason(e.err)) }
func (e *NetworkError) Unwrap() error { return e.err }

// reason returns the part of a network error that says something.
func reason(err error) string {
	var dns *net.DNSError
	var to *url.Error
	var slow net.Error
	switch {
	case errors.As(err, &slow) && slow.Timeout():
		return "no answer for a long time"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host: is there a network?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody answers there (connection refused)"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection was cut"
	case errors.As(err, &to):
		return to.Err.Error()
	}
	return err.Error()
}

// tries is how often a request is sent that brings nothing.
const tries = 5

// most is the longest wait between two tries.
const most = 30 * time.Second

// brief is an error that a later try may not meet. after is how long the server asks to wait, 0 if it does not say.
type brief struct {
	error
	after time.Duration
}

func (e *brief) Unwrap() error { return e.error }

// again calls try until it succeeds, ends with an error that stays, or has failed too often without bringing anything.
func (c *Client) again(ctx context.Context, try func() (brought bool, err error)) error {
	wait := c.wait
	for failed := 0; ; {
		brought, err := try()
		var b *brief
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.As(err, &b) {
			return err
		}
		if brought {
			failed, wait = 0, c.wait
		}
		if failed++; failed == tries {
			return b.error
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(max(wait, b.after), most)):
		}
		wait *= 2
	}
}

// ask is a request.
type ask struct {
	method string
	url    *url.URL
	what   string // what is asked for, for errors
	header http.Header
}

// send sends a request and follows redirects, at most ten. The caller closes the body. An answer that is not 2xx is an error, a
// brief one if it may change.
func (c *Client) send(ctx context.Context, a ask) (*http.Response, error) {
	u, linked := a.url, http.Header{}
	for range 10 {
		r, err := c.hop(ctx, a, u)
		if err != nil {
			return nil, err
		}
		for name, values := range r.Header { // what the hub said of a file before it sent us elsewhere
			if strings.HasPrefix(name, "X-Linked-") || name == "X-Repo-Commit" {
				linked[name] = values
			}
		}
		location := r.Header.Get("Location")
		if r.StatusCode < 300 || r.StatusCode > 399 || location == "" {
			for name, values := range linked {
				r.Header[name] = values
			}
			return r, c.judge(a, u, r)
		}
		r.Body.Close()
		if a.method == http.MethodHead && linked.Get("X-Linked-Etag") != "" {
			r.Header = linked
			return r, nil // all that is to be known
		}
		if u, err = u.Parse(location); err != nil {
			return nil, &AddressError{fmt.Sprintf("%s: the hub leads to %s", a.what, excerpt.Of(location))}
		}
	}
	return nil, fmt.Errorf("%s: the hub leads in circles", a.what)
}

// hop sends a request to one address.
func (c *Client) hop(ctx context.Context, a ask, u *url.URL) (*http.Response, error) {
	h, err := c.gate.next(u)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.what, err)
	}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, hopKey{}, h), a.method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range a.header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", c.agent)
	r.Header.Set("Accept-Encoding", "identity")
	if h.home && c.site.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.site.Token)
	}
	answer, err := c.http.Do(r)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case refused(err):
		var refusal *AddressError
		errors.As(err, &refusal)
		return nil, fmt.Errorf("%s: %w", a.what, refusal)
	}
	gone := &NetworkError{Host: u.Host, err: err}
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) && dns.IsNotFound {
		return nil, gone
	}
	return nil, &brief{error: gone}
}

// judge returns the error of an answer, and closes the body if there is one.
func (c *Client) judge(a ask, u *url.URL, r *http.Response) error {
	if r.StatusCode >= 200 && r.StatusCode <= 299 {
		return nil
	}
	r.Body.Close()
	e := &StatusError{What: a.what, Code: r.StatusCode, Why: fmt.Sprintf("%s answers %d %s", u.Host, r.StatusCode, http.StatusText(r.StatusCode))}
	code, home := r.Header.Get("X-Error-Code"), u.Host == c.base.Host
	switch {
	case home && (code == "GatedRepo" || r.StatusCode == http.StatusForbidden):
		e.kind = ErrGated
		e.Why = fmt.Sprintf("the owner grants access by hand: ask for it at %s, and set %s to your token", c.page(a), c.tokenName())
	case home && r.StatusCode == http.StatusUnauthorized && c.site.Token != "" && code != "RepoNotFound":
		e.kind = ErrToken
		e.Why = fmt.Sprintf("%s does not accept the token: correct %s, or unset it", u.Host, c.tokenName())
	case home && (r.StatusCode == http.StatusNotFound || r.StatusCode == http.StatusUnauthorized):
		e.kind = ErrNotFound
		e.Why = c.missing(code, u.Host)
	case r.StatusCode == http.StatusTooManyRequests, r.StatusCode >= 500, r.StatusCode == http.StatusRequestTimeout:
		if r.StatusCode == http.StatusTooManyRequests {
			e.Why += ": try again later, or set " + c.tokenName() + " to your token"
		}
		seconds, _ := strconv.Atoi(r.Header.Get("Retry-After"))
		return &brief{e, time.Duration(min(max(0, seconds), 3600)) * time.Second}
	}
	return e
}

// missing says what a server does not have.
func (c *Client) missing(code, host string) string {
	switch code {
	case "EntryNotFound":
		return "the repository has no such file"
	case "RevisionNotFound":
		return "the repository has no such revision"
	}
	return fmt.Sprintf("%s has no such repository, or it is private: check the name, or set %s to your token", host, c.tokenName())
}

func (c *Client) tokenName() string {
	if c.site.Protocol == ModelScope {
		return "MODELSCOPE_API_TOKEN"
	}
	return "HF_TOKEN"
}

// page returns the address of a repository's page for people.
func (c *Client) page(a ask) string {
	name, _, _ := strings.Cut(a.what, ":")
	if c.site.Protocol == ModelScope {
		return c.site.Endpoint + "/models/" + name
	}
	return c.site.Endpoint + "/" + name
}
