package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/api"
)

// checkHost refuses requests that name another server. A web page can make a browser send such requests: it gives its own name the address
// of this server. An address as the name cannot come about that way.
func (c *call) checkHost() error {
	name := hostOf(c.r.Host)
	if name == "localhost" || slices.Contains(c.s.hosts, name) {
		return nil
	}
	if address, err := netip.ParseAddr(name); err == nil && (address.IsLoopback() || !c.fromLoopback()) {
		return nil
	}
	return refuse(api.Forbidden, 0, "this server does not answer to the host %.100q: its operator can allow the name", name)
}

// hostOf returns the name or the address of a host with an optional port, in lower case.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// fromLoopback reports whether the connection is within this machine.
func (c *call) fromLoopback() bool {
	address, ok := remote(c.r)
	return ok && address.IsLoopback()
}

// remote returns the other end of a request's connection.
func remote(r *http.Request) (netip.Addr, bool) {
	end, err := netip.ParseAddrPort(r.RemoteAddr)
	return end.Addr().Unmap().WithZone(""), err == nil
}

// origins are the origins whose pages may use the server.
type origins struct {
	exact      []string
	local, any bool
}

// newOrigins reads a list of origins, "localhost" for pages of this machine, and "*" for all pages.
func newOrigins(list []string, keys bool) (o origins, err error) {
	for _, one := range list {
		switch one {
		case "localhost":
			o.local = true
		case "*":
			if o.any = true; !keys {
				return o, fmt.Errorf("the origin *: every web page could use the server, so it needs keys")
			}
		default:
			u, err := url.Parse(one)
			if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || one != u.Scheme+"://"+u.Host {
				return o, fmt.Errorf("%.100q is not an origin: want http:// or https://, a name and an optional port, or localhost", one)
			}
			o.exact = append(o.exact, strings.ToLower(one))
		}
	}
	return o, nil
}

// allow reports whether pages of an origin may use the server.
func (o origins) allow(origin string) bool {
	if o.any || slices.Contains(o.exact, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if !o.local || err != nil || (u.Scheme != "http" && u.Scheme != "https") || origin != u.Scheme+"://"+u.Host {
		return false
	}
	name := hostOf(u.Host)
	address, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && address.IsLoopback()
}

// foreign recognizes what pages of other origins send.
var foreign http.CrossOriginProtection

// Headers of responses that pages may read.
const exposed = "X-Request-Id, Retry-After, Gosling-Ignored, X-Ratelimit-Limit-Requests, X-Ratelimit-Remaining-Requests, " +
	"X-Ratelimit-Reset-Requests, X-Ratelimit-Limit-Tokens, X-Ratelimit-Remaining-Tokens, X-Ratelimit-Reset-Tokens"

// checkOrigin tells browsers which pages may read the answer, and refuses requests of other pages that would change something.
func (c *call) checkOrigin() error {
	origin := c.r.Header.Get("Origin")
	if origin != "" && c.s.origins.allow(origin) {
		h := c.w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", exposed)
		h.Add("Vary", "Origin")
		return nil
	}
	if foreign.Check(c.r) != nil {
		return refuse(api.Forbidden, 0, "pages of this origin may not use the server: its operator can allow the origin")
	}
	return nil
}

var headerNames = regexp.MustCompile(`^[A-Za-z0-9, -]{1,1000}$`)

// options answers an OPTIONS request. Browsers ask so before they let a page of another origin send a request.
func (c *call) options(allow string) {
	h, asked := c.w.Header(), c.r.Header
	h.Set("Allow", allow)
	if h.Get("Access-Control-Allow-Origin") != "" && asked.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Methods", allow)
		h.Set("Access-Control-Max-Age", "600")
		if names := asked.Get("Access-Control-Request-Headers"); headerNames.MatchString(names) {
			h.Set("Access-Control-Allow-Headers", names)
		}
		if asked.Get("Access-Control-Request-Private-Network") == "true" {
			h.Set("Access-Control-Allow-Private-Network", "true")
		}
	}
	c.w.WriteHeader(http.StatusOK)
}
