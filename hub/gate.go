package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// gate decides where connections may lead. Addresses are checked when a connection is made, so a name that leads to another address
// the second time does not pass.
type gate struct {
	base    *url.URL
	named   bool
	private atomic.Bool // the endpoint has a private address
	proxies sync.Map    // addresses of proxies, which the user named
}

func newGate(base *url.URL, named bool) *gate { return &gate{base: base, named: named} }

// client returns an HTTP client that does not follow redirects by itself. An answer must begin within patience.
func (g *gate) client(patience time.Duration) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // sizes and hashes are of the bytes as they are stored
	t.DialContext = g.dial
	t.ResponseHeaderTimeout = patience
	t.Proxy = g.proxy
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (g *gate) proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if u != nil {
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
		}
		g.proxies.Store(net.JoinHostPort(u.Hostname(), port), true)
	}
	return u, err
}

// AddressError is the error of an address that a hub must not lead to.
type AddressError struct{ reason string }

func (e *AddressError) Error() string { return e.reason }

// hop is what a connection is for. It travels in the context of a request.
type hop struct {
	home  bool // to the endpoint itself
	plain bool // without TLS
}

type hopKey struct{}

// dial connects to an address if its hop may lead there.
func (g *gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	if _, ok := g.proxies.Load(address); !ok {
		h, _ := ctx.Value(hopKey{}).(hop)
		host, _, _ := net.SplitHostPort(address)
		d.Control = func(_, resolved string, _ syscall.RawConn) error { return g.admit(h, host, resolved) }
	}
	return d.DialContext(ctx, network, address)
}

// admit checks the address that a host's name leads to.
func (g *gate) admit(h hop, host, resolved string) error {
	at, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	refuse := func(why string) error {
		return &AddressError{fmt.Sprintf("%s leads to %s, %s", host, ip, why)}
	}
	switch inside := inside(ip); {
	case h.home && inside && !g.named:
		return refuse("a private address, which is not the hub's: look for a name server or a hosts file that redirects it")
	case h.home && h.plain && !inside:
		return refuse("a public address without TLS: name the hub with https://")
	case h.home:
		g.private.Store(inside)
	case inside && (!g.private.Load() || ip.IsLinkLocalUnicast()):
		return refuse("a private address, where the hub must not send anyone")
	case h.plain && !inside:
		return refuse("a public address without TLS")
	}
	return nil
}

// shared is the address space behind carriers' translators (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// inside reports whether an address belongs to this machine or its network.
func inside(ip netip.Addr) bool {
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() || shared.Contains(ip)
}

// next checks an address that a request leads to and returns its hop.
func (g *gate) next(u *url.URL) (hop, error) {
	h := hop{home: u.Host == g.base.Host && u.Scheme == g.base.Scheme, plain: u.Scheme == "http"}
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil:
		return h, &AddressError{fmt.Sprintf("the hub leads to %q, which is not an address of a file", u.Redacted())}
	case h.plain && g.base.Scheme != "http":
		return h, &AddressError{fmt.Sprintf("the hub leads to %s, which is without TLS", u.Redacted())}
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !h.home { // a proxy would hide it from dial
		return h, g.admit(h, u.Hostname(), netip.AddrPortFrom(ip, 443).String())
	}
	return h, nil
}

// refused reports whether an error is the gate's.
func refused(err error) bool {
	var a *AddressError
	return errors.As(err, &a)
}
