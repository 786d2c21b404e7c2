package server

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/keys"
)

// local is the tenant of requests from this machine to a server without keys.
const local = "local"

// identify finds the tenant of a request and checks what it may do.
func (c *call) identify() error {
	if c.route.permission == open {
		return nil
	}
	if c.tenant = c.whose(); c.tenant == nil {
		c.w.Header().Set("WWW-Authenticate", "Bearer")
		if secretOf(c.r) == "" {
			return refuse(api.Unauthenticated, 0, "a key is needed: send it as Authorization: Bearer KEY")
		}
		return refuse(api.Unauthenticated, 0, "the key is not one of this server's keys")
	}
	if !c.tenant.Permissions.Has(c.route.permission) {
		return refuse(api.Forbidden, 0, "the permission %s is needed: %s may only %s", c.route.permission, c.tenant.Name, c.tenant.Permissions)
	}
	return nil
}

// whose returns the tenant of a request, or nil if nobody knows it.
func (c *call) whose() *keys.Tenant {
	switch {
	case c.s.o.Keys != nil:
		return c.s.o.Keys.Find(secretOf(c.r), c.s.o.Now())
	case c.fromLoopback() && !forwarded(c.r.Header):
		return keys.Everyone(local, keys.All)
	case c.s.o.Insecure:
		address, _ := remote(c.r)
		return keys.Everyone(address.String(), keys.Infer)
	}
	return nil
}

// secretOf returns the key that came with a request.
func secretOf(r *http.Request) string {
	if scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(secret)
	}
	return r.Header.Get("X-Api-Key")
}

// forwarded reports whether a proxy on this machine passes on the request of somebody else.
func forwarded(h http.Header) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// count counts a request for the limits of its key.
func (c *call) count() error {
	if c.tenant == nil {
		return nil
	}
	err := c.tenant.Begin(c.s.o.Now())
	h := c.w.Header()
	for _, a := range c.tenant.Allowances(c.s.o.Now()) {
		h.Set("X-Ratelimit-Limit-"+a.Name, strconv.Itoa(a.Most))
		h.Set("X-Ratelimit-Remaining-"+a.Name, strconv.Itoa(a.Left))
		h.Set("X-Ratelimit-Reset-"+a.Name, a.Reset.Round(time.Millisecond).String())
	}
	var over *keys.LimitError
	if errors.As(err, &over) {
		return &api.Error{Kind: api.RateLimited, Message: over.Error(), RetryAfter: over.After}
	}
	if err == nil {
		c.leaving = append(c.leaving, func(c *call) { c.tenant.End(c.s.o.Now(), c.report.read+c.report.generated) })
	}
	return err
}
