package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/keys"
)

// ring returns a ring with a key for each name, and the secrets by name.
func ring(t *testing.T, limits keys.Limits, permissions map[string]keys.Permission) (*keys.Ring, map[string]string) {
	path, secrets := filepath.Join(t.TempDir(), "keys"), map[string]string{}
	for name, p := range permissions {
		secret, k, err := keys.Make(name, p, limits)
		require.NoError(t, err)
		require.NoError(t, keys.Add(context.Background(), path, k))
		secrets[name] = secret
	}
	r, err := keys.NewRing(keys.Options{File: path})
	require.NoError(t, err)
	return r, secrets
}

// example returns a path that a route's pattern matches.
func (r *route) example() string {
	path := strings.NewReplacer("{$}", "", "{file}", "style.css", "{any...}", "x", "{name}", "x", "{id}", "x", "{id...}", "x").Replace(r.path)
	if strings.Contains(path, "{") {
		panic("a path variable without an example: " + path)
	}
	return path
}

// method returns a method of the route.
func (r *route) request() (method, path, body string) {
	if r.body != none {
		body = "{}"
	}
	return r.method, r.example(), body
}

func TestSecurityAddresses(t *testing.T) {
	ring, _ := ring(t, keys.Limits{}, map[string]keys.Permission{"a": keys.Infer})
	for address, open := range map[string]bool{"127.0.0.1:80": false, "[::1]:80": false, "0.0.0.0:80": true, "[::]:80": true, "192.168.1.2:80": true} {
		at, err := net.ResolveTCPAddr("tcp", address)
		require.NoError(t, err)
		if open {
			assert.ErrorIs(t, Options{}.Check(at), ErrOpen, address)
		} else {
			assert.NoError(t, Options{}.Check(at), address)
		}
		assert.NoError(t, Options{Keys: ring}.Check(at), address)
		assert.NoError(t, Options{Insecure: true}.Check(at), address)
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	s, err := New(Options{})
	require.NoError(t, err)
	assert.ErrorIs(t, s.Serve(context.Background(), l), ErrOpen)
	_, err = l.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestSecurityHosts(t *testing.T) {
	b := start(t, Options{Hosts: []string{"Goose.example"}}, echo)
	for host, want := range map[string]int{
		"localhost":               200,
		"LOCALHOST:1":             200,
		"localhost.":              200,
		"127.0.0.1":               200,
		"127.8.9.1:80":            200,
		"[::1]:8080":              200,
		"[::ffff:127.0.0.1]":      200,
		"goose.example:8080":      200,
		"evil.example":            403,
		"localhost.evil.example":  403,
		"127.0.0.1.evil.example":  403,
		"sub.goose.example":       403,
		"192.168.1.2:8080":        403,
		"0.0.0.0":                 403,
		"2130706433":              403,
		"localhost@evil.example":  403,
		"evil.example#localhost:": 403,
		"notlocalhost":            403,
	} {
		status := answer(t, b, "GET /ready HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		if status != 400 { // net/http knows that this is not a host
			assert.Equal(t, want, status, host)
		}
		assert.True(t, status == want || want == 403, host)
	}
	assert.Equal(t, 403, answer(t, b, "GET /ready HTTP/1.0\r\n\r\n"), "no host")
	for i := range b.routes {
		method, path, body := b.routes[i].request()
		r, _ := b.do(method, path, body, "Host", "evil.example")
		want := 403
		if path == "/health" || path == "/v1/health" {
			want = 200
		}
		assert.Equal(t, want, r.StatusCode, path)
	}
	r, _ := b.do("GET", "/nothing", "", "Host", "evil.example")
	assert.Equal(t, 403, r.StatusCode)
}

// answer sends a request as it is and returns the status of the response. It is 0 if the server says nothing.
func answer(t *testing.T, b *trial, request string) int {
	c := b.dial(request)
	defer c.Close()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	return r.StatusCode
}

func TestSecurityHostsOfOtherMachines(t *testing.T) {
	s, err := New(Options{Insecure: true})
	require.NoError(t, err)
	for host, want := range map[string]int{"192.168.1.2:8080": 200, "[fe80::1]": 200, "203.0.113.9": 200, "localhost": 200, "evil.example": 403} {
		r := httptest.NewRequest("GET", "http://"+host+"/ready", nil)
		r.RemoteAddr = "192.168.1.7:5555"
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		assert.Equal(t, want, w.Code, host)
	}
}

func TestSecurityOrigins(t *testing.T) {
	b := start(t, Options{Origins: []string{"localhost", "https://goose.example:8443"}}, echo)
	preflight := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "Authorization"}
	for origin, allowed := range map[string]bool{
		"http://localhost":           true,
		"http://localhost:8080":      true,
		"https://localhost":          true,
		"http://127.0.0.1":           true,
		"http://127.0.0.1:3000":      true,
		"http://[::1]":               true,
		"http://[::1]:3000":          true,
		"https://goose.example:8443": true,
		"https://goose.example":      false,
		"http://goose.example:8443":  false,
		"http://web.mydomain.fr":     false,
		"http://evil.com":            false,
		"http://notlocalhost":        false,
		"http://localhost.evil.com":  false,
		"http://localhost@evil.com":  false,
		"http://localhost/":          false,
		"file://localhost":           false,
		"localhost":                  false,
		"null":                       false,
	} {
		r, _ := b.do("OPTIONS", "/echo/a", "", append(preflight, "Origin", origin)...)
		assert.Equal(t, 200, r.StatusCode, origin)
		posted, _ := b.do("POST", "/echo/a", "{}", "Origin", origin)
		read, _ := b.do("GET", "/ready", "", "Origin", origin)
		assert.Equal(t, 200, read.StatusCode, origin)
		if allowed {
			assert.Equal(t, origin, r.Header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, "POST, OPTIONS", r.Header.Get("Access-Control-Allow-Methods"))
			assert.Equal(t, "Authorization", r.Header.Get("Access-Control-Allow-Headers"))
			assert.Equal(t, "Origin", r.Header.Get("Vary"))
			assert.Equal(t, origin, read.Header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, 200, posted.StatusCode, origin)
		} else {
			assert.Empty(t, r.Header.Get("Access-Control-Allow-Origin"), origin)
			assert.Empty(t, read.Header.Get("Access-Control-Allow-Origin"), origin)
			assert.Equal(t, 403, posted.StatusCode, origin)
		}
		for _, one := range []*http.Response{r, posted, read} {
			assert.Empty(t, one.Header.Get("Access-Control-Allow-Credentials"))
		}
	}
}

func TestSecurityOriginsWithoutOptions(t *testing.T) {
	b := start(t, Options{}, echo)
	for i := range b.routes {
		method, path, body := b.routes[i].request()
		for _, origin := range []string{"http://localhost:1", "https://evil.example", "null"} {
			r, _ := b.do(method, path, body, "Origin", origin)
			assert.Empty(t, r.Header.Get("Access-Control-Allow-Origin"))
			if method != "GET" {
				assert.Equal(t, 403, r.StatusCode, "%s %s", method, path)
			}
		}
	}
	r, _ := b.do("POST", "/echo/a", "{}", "Origin", "http://"+b.address)
	assert.Equal(t, 200, r.StatusCode, "the server's own pages")
	r, _ = b.do("POST", "/echo/a", "{}", "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, 403, r.StatusCode, "a browser that tells without an Origin")
}

func TestSecurityOriginsThatAreNotTaken(t *testing.T) {
	for _, origin := range []string{"", "*", "goose.example", "https://goose.example/", "https://goose.example/path", "ftp://goose.example", "https://*.goose.example/", "null"} {
		_, err := New(Options{Origins: []string{origin}})
		assert.Error(t, err, origin)
	}
	ring, secrets := ring(t, keys.Limits{}, map[string]keys.Permission{"a": keys.Infer})
	b := start(t, Options{Origins: []string{"*"}, Keys: ring}, echo)
	r, _ := b.do("POST", "/echo/a", "{}", "Origin", "https://any.example", "X-Api-Key", secrets["a"])
	assert.Equal(t, "https://any.example", r.Header.Get("Access-Control-Allow-Origin"))
	assert.Empty(t, r.Header.Get("Access-Control-Allow-Credentials"))
}

func TestSecurityContentType(t *testing.T) {
	b := start(t, Options{}, echo)
	for kind, want := range map[string]int{
		"application/json":                  200,
		"Application/JSON; charset=utf-8":   200,
		"":                                  415,
		"text/plain":                        415,
		"application/x-www-form-urlencoded": 415,
		"multipart/form-data; boundary=x":   415,
		"application/jsonx":                 415,
		"text/plain, application/json":      415,
	} {
		r, _ := b.do("POST", "/echo/a", `{"a":1}`, "Content-Type", kind)
		assert.Equal(t, want, r.StatusCode, kind)
	}
}

func TestSecurityKeys(t *testing.T) {
	ring, secrets := ring(t, keys.Limits{}, map[string]keys.Permission{"alice": keys.Infer, "bob": keys.Infer})
	var tenant string
	b := start(t, Options{Keys: ring}, route{"GET", "/whose", keys.Infer, openAI, none, 0, func(c *call) error {
		tenant = c.tenant.Name
		return c.answer(200, []byte("{}"))
	}})
	alice, bob := secrets["alice"], secrets["bob"]
	for name, tc := range map[string]struct {
		header []string
		tenant string
	}{
		"a bearer":                    {[]string{"Authorization", "Bearer " + alice}, "alice"},
		"a bearer in other letters":   {[]string{"Authorization", "bearer " + bob}, "bob"},
		"Anthropic's header":          {[]string{"X-Api-Key", bob}, "bob"},
		"both":                        {[]string{"Authorization", "Bearer " + alice, "X-Api-Key", bob}, "alice"},
		"none":                        {nil, ""},
		"an empty one":                {[]string{"Authorization", "Bearer "}, ""},
		"a wrong one":                 {[]string{"Authorization", "Bearer sk-gosling-" + strings.Repeat("A", 43)}, ""},
		"a cut one":                   {[]string{"Authorization", "Bearer " + alice[:len(alice)-1]}, ""},
		"a longer one":                {[]string{"Authorization", "Bearer " + alice + "A"}, ""},
		"a long one":                  {[]string{"Authorization", "Bearer " + strings.Repeat(alice, 300)}, ""},
		"another scheme":              {[]string{"Authorization", "Basic " + alice}, ""},
		"two in one":                  {[]string{"X-Api-Key", alice + "," + bob}, ""},
		"a wrong bearer, a right key": {[]string{"Authorization", "Bearer no", "X-Api-Key", bob}, ""},
		"in another header":           {[]string{"Cookie", alice}, ""},
	} {
		tenant = ""
		r, body := b.do("GET", "/whose", "", tc.header...)
		assert.Equal(t, tc.tenant, tenant, name)
		if tc.tenant == "" {
			assert.Equal(t, 401, r.StatusCode, name)
			assert.Equal(t, "Bearer", r.Header.Get("WWW-Authenticate"), name)
			assert.Contains(t, body, `"type":"authentication_error"`, name)
		}
		assert.NotContains(t, body, alice)
	}
	r, _ := b.do("GET", "/whose?key="+alice, "")
	assert.Equal(t, 401, r.StatusCode, "in the path")
	require.NoError(t, b.stop())
	for _, part := range []string{alice, bob, alice[11:31]} {
		assert.NotContains(t, b.log.String(), part)
	}
	assert.Contains(t, b.log.String(), "tenant=alice")
}

// TestSecurityPermissions tries every route of the table with every set of permissions.
func TestSecurityPermissions(t *testing.T) {
	sets := map[string]keys.Permission{}
	for p := keys.Infer; p <= keys.All; p++ {
		sets[fmt.Sprint("p", int(p))] = p
	}
	ring, secrets := ring(t, keys.Limits{}, sets)
	b := start(t, Options{Keys: ring}, echo, route{"PUT", "/states/{name}", keys.States, own, raw, 0, echo.handler},
		route{"DELETE", "/models/{name}", keys.Models, own, none, 0, echo.handler})
	for i := range b.routes {
		r := &b.routes[i]
		method, path, body := r.request()
		for name, p := range sets {
			response, text := b.do(method, path, body, "X-Api-Key", secrets[name])
			if p.Has(r.permission) {
				assert.NotContains(t, []int{401, 403}, response.StatusCode, "%s %s with %s", method, path, p)
			} else {
				assert.Equal(t, 403, response.StatusCode, "%s %s with %s", method, path, p)
				assert.Contains(t, text, `"type":"permission_error"`)
			}
		}
		response, _ := b.do(method, path, body)
		assert.Equal(t, r.permission != open, response.StatusCode == 401, "%s %s without a key", method, path)
	}
}

func TestSecurityTenantsWithoutKeys(t *testing.T) {
	var tenant *keys.Tenant
	who := route{"GET", "/whose", keys.Infer, openAI, none, 0, func(c *call) error {
		tenant = c.tenant
		return c.answer(200, []byte("{}"))
	}}
	for name, tc := range map[string]struct {
		insecure      bool
		from, through string
		status        int
		tenant        string
		may           keys.Permission
	}{
		"this machine":                            {false, "127.0.0.1:1", "", 200, "local", keys.All},
		"this machine by IPv6":                    {true, "[::1]:1", "", 200, "local", keys.All},
		"this machine by mapped IPv4":             {true, "[::ffff:127.0.0.1]:1", "", 200, "local", keys.All},
		"another machine":                         {false, "192.168.1.7:1", "", 401, "", 0},
		"another machine, insecure":               {true, "192.168.1.7:1", "", 200, "192.168.1.7", keys.Infer},
		"another machine by IPv6":                 {true, "[fe80::1%eth0]:1", "", 200, "fe80::1", keys.Infer},
		"a proxy on this machine":                 {false, "127.0.0.1:1", "203.0.113.7", 401, "", 0},
		"a proxy on this machine, insecure":       {true, "127.0.0.1:1", "203.0.113.7", 200, "127.0.0.1", keys.Infer},
		"another machine that names this one":     {false, "192.168.1.7:1", "127.0.0.1", 401, "", 0},
		"something that is not an address at all": {false, "@", "", 401, "", 0},
	} {
		s, err := New(Options{Insecure: tc.insecure})
		require.NoError(t, err)
		s.take(append(s.table(), who))
		tenant = nil
		r := httptest.NewRequest("GET", "http://localhost/whose", nil)
		r.RemoteAddr = tc.from
		if tc.through != "" {
			r.Header.Set("X-Forwarded-For", tc.through)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		assert.Equal(t, tc.status, w.Code, name)
		if tc.tenant != "" {
			assert.Equal(t, tc.tenant, tenant.Name, name)
			assert.Equal(t, tc.may, tenant.Permissions, name)
		} else {
			assert.Nil(t, tenant, name)
		}
	}
}

func TestSecurityLimitsOfKeys(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	ring, secrets := ring(t, keys.Limits{Requests: 6, Tokens: 600, Running: 1}, map[string]keys.Permission{"alice": keys.Infer, "bob": keys.Infer})
	busy, free := make(chan bool), make(chan bool)
	b := start(t, Options{Keys: ring, Now: func() time.Time { return now }}, route{"POST", "/work", keys.Infer, openAI, none, 0, func(c *call) error {
		c.report = report{model: "m", read: 100, cached: 1000, generated: 100}
		if c.r.URL.RawQuery == "wait" {
			busy <- true
			<-free
		}
		return c.answer(200, []byte("{}"))
	}})
	alice := []string{"X-Api-Key", secrets["alice"]}
	for i := range 3 {
		r, _ := b.do("POST", "/work", "", alice...)
		require.Equal(t, 200, r.StatusCode)
		assert.Equal(t, "6", r.Header.Get("X-Ratelimit-Limit-Requests"))
		assert.Equal(t, fmt.Sprint(5-i), r.Header.Get("X-Ratelimit-Remaining-Requests"))
		assert.Equal(t, fmt.Sprint(600-200*i), r.Header.Get("X-Ratelimit-Remaining-Tokens"), "what the cache had is free")
		assert.Equal(t, (time.Duration(i+1) * 10 * time.Second).String(), r.Header.Get("X-Ratelimit-Reset-Requests"))
	}
	r, body := b.do("POST", "/work", "", alice...)
	assert.Equal(t, 429, r.StatusCode)
	assert.Equal(t, "1", r.Header.Get("Retry-After"))
	assert.Equal(t, "600", r.Header.Get("X-Ratelimit-Limit-Tokens"))
	assert.Equal(t, "1m0s", r.Header.Get("X-Ratelimit-Reset-Tokens"))
	assert.Contains(t, body, `"type":"rate_limit_error"`)
	assert.Contains(t, body, "600 tokens per minute")

	now = now.Add(time.Minute)
	done := make(chan int)
	go func() {
		r, _ := b.do("POST", "/work?wait", "", alice...)
		done <- r.StatusCode
	}()
	<-busy
	r, body = b.do("POST", "/work", "", alice...)
	assert.Equal(t, 429, r.StatusCode)
	assert.Contains(t, body, "1 requests at the same time")
	r, _ = b.do("POST", "/work", "", "X-Api-Key", secrets["bob"])
	assert.Equal(t, 200, r.StatusCode, "others have their own limits")
	free <- true
	assert.Equal(t, 200, <-done)
}

func TestSecurityCompressedBodies(t *testing.T) {
	b := start(t, Options{}, echo)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := z.Write(make([]byte, 16<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "gzip, identity"} {
		r, body := b.do("POST", "/echo/a", bomb.String(), "Content-Encoding", encoding)
		assert.Equal(t, 415, r.StatusCode, encoding)
		assert.Less(t, len(body), 1000)
	}
	r, _ := b.do("POST", "/echo/a", "{}", "Content-Encoding", "identity")
	assert.Equal(t, 200, r.StatusCode)
}

// object reads a body as the dialects do.
var object = route{"POST", "/object", keys.Infer, openAI, json, 0, func(c *call) error {
	data, err := c.body()
	if err != nil {
		return err
	}
	if _, err := api.Parse(data); err != nil {
		return err
	}
	return c.answer(200, []byte("{}"))
}}

func TestSecurityBodies(t *testing.T) {
	b := start(t, Options{MaxBody: 1 << 20}, object)
	const head = "POST /object HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	for name, tc := range map[string]struct {
		rest string
		want []int
	}{
		"an object":                         {"Content-Length: 2\r\n\r\n{}", []int{200}},
		"pieces":                            {"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", []int{200}},
		"nothing":                           {"\r\n", []int{400}},
		"a length above the limit":          {"Content-Length: 1048577\r\n\r\n", []int{413}},
		"an absurd length":                  {"Content-Length: 9223372036854775807\r\n\r\n", []int{413}},
		"a length that overflows":           {"Content-Length: 92233720368547758070\r\n\r\n", []int{400}},
		"a negative length":                 {"Content-Length: -1\r\n\r\n", []int{400}},
		"two lengths":                       {"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", []int{400}},
		"a piece of 2^68 bytes":             {"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}", []int{400, 413}},
		"a piece without a size":            {"Transfer-Encoding: chunked\r\n\r\nx\r\n{}", []int{400}},
		"an encoding that is not known":     {"Transfer-Encoding: gzip\r\n\r\n{}", []int{400, 501}},
		"two encodings":                     {"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		"chunked twice":                     {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		"a header with a line break":        {"X: a\n b\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", []int{400}},
		"a header of 64 KiB":                {"X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", []int{431}},
		"a hundred thousand headers":        {strings.Repeat("A:\r\n", 100_000) + "\r\n", []int{431}},
		"not JSON":                          {body("{{{{"), []int{400}},
		"a list":                            {body("[]"), []int{400}},
		"cut short":                         {body(`{"a": "`), []int{400}},
		"100,000 levels":                    {body(`{"a":` + strings.Repeat("[", 100_000)), []int{400}},
		"100,000 levels of objects":         {body(strings.Repeat(`{"a":`, 100_000)), []int{400}},
		"a NUL":                             {body("{\"a\x00\": 1}"), []int{400}},
		"not UTF-8":                         {body("{\"a\": \"\xff\"}"), []int{400}},
		"half of a character":               {body("{\"a\": \"\xe2\x82\"}"), []int{400}},
		"UTF-16":                            {body("{\x00}\x00"), []int{400}},
		"many fields":                       {body("{" + strings.Repeat(`"a":1,`, 100_000) + `"b":1}`), []int{400}},
		"a megabyte of blanks, then no end": {body("{" + strings.Repeat(" ", 1<<20-1)), []int{400}},
	} {
		status := answer(t, b, head+tc.rest)
		assert.Contains(t, tc.want, status, name)
	}
	assert.Zero(t, b.reading.Load(), "no bytes are held")
	assert.NotContains(t, b.log.String(), "panic")
}

func body(text string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(text), text) }

// TestSecurityEndlessBodies sends bodies without an end, many at a time.
func TestSecurityEndlessBodies(t *testing.T) {
	b := start(t, Options{}, object)
	before := heap()
	var clients sync.WaitGroup
	for range 64 {
		clients.Go(func() {
			c := b.dial("POST /object HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
			piece := []byte("10000\r\n" + strings.Repeat(" ", 0x10000) + "\r\n")
			for range 2000 {
				if _, err := c.Write(piece); err != nil {
					return
				}
			}
			b.Error("128 MiB were taken")
		})
	}
	clients.Wait()
	require.NoError(t, b.stop())
	assert.Zero(t, b.reading.Load())
	assert.Less(t, heap()-before, int64(192<<20))
}

// heap returns the bytes that the process has got from the system for its heap.
func heap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys - m.HeapReleased)
}

// quick are time limits that a test can wait for, and that a busy machine keeps.
var quick = times{header: time.Second, body: time.Second, idle: time.Second, write: time.Second, end: 5 * time.Second}

// cutOff reports whether the server closes a connection.
func cutOff(t *testing.T, c net.Conn) bool {
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	_, err := io.Copy(io.Discard, c)
	var late net.Error
	return !(errors.As(err, &late) && late.Timeout())
}

func TestSecuritySlowClients(t *testing.T) {
	const post = "POST /object HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	ended := make(chan error, 2)
	b := begin(t, Options{}, quick, object, route{"POST", "/upload", keys.States, own, raw, 1 << 20, func(c *call) error {
		n, err := io.Copy(io.Discard, c.upload())
		if err != nil {
			return err
		}
		return c.answer(200, fmt.Append(nil, n))
	}}, route{"GET", "/flood", keys.Infer, openAI, none, 0, func(c *call) error {
		s, err := c.stream()
		for err == nil {
			err = s.send([]byte("data: " + strings.Repeat("x", 1<<16) + "\n\n"))
		}
		ended <- err
		return err
	}}, route{"GET", "/large", keys.Infer, openAI, none, 0, func(c *call) error {
		err := c.answer(200, make([]byte, 64<<20))
		ended <- err
		return err
	}})
	slow := map[string]net.Conn{
		"nothing":                       b.dial(""),
		"half a header":                 b.dial("GET /ready HTTP/1.1\r\nHo"),
		"half a body":                   b.dial(post + "Content-Length: 100\r\n\r\n{"),
		"half a piece":                  b.dial(post + "Transfer-Encoding: chunked\r\n\r\n5\r\n{"),
		"half an upload":                b.dial("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"),
		"a refused body that is slow":   b.dial("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"),
		"a body that nobody reads":      b.dial("GET /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"),
		"nothing after a request":       b.dial("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"half a header after a request": b.dial("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\nGET /re"),
	}
	for _, path := range []string{"/flood", "/large"} {
		b.dial("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n") // and nobody reads
	}
	half := b.dial("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, half.(*net.TCPConn).CloseWrite())
	assert.True(t, cutOff(t, half), "a client that has closed its side")
	r, _ := b.do("POST", "/object", "{}")
	assert.Equal(t, 200, r.StatusCode, "others are answered")
	for name, c := range slow {
		assert.True(t, cutOff(t, c), name)
	}
	for range 2 {
		assert.Error(t, <-ended, "a client that does not read")
	}
	b.client.CloseIdleConnections() // the server has closed them, or is about to
	r, text := b.do("POST", "/upload", strings.Repeat("x", 1<<20))
	assert.Equal(t, 200, r.StatusCode)
	assert.Equal(t, "1048576", text)
}

func TestSecurityALateBodyIsToldSo(t *testing.T) {
	b := begin(t, Options{}, quick, object)
	assert.Equal(t, 408, answer(t, b, "POST /object HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"))
}

// TestSecurityARunningRequestHasNoTimeLimit lets an answer and a silent stream last for longer than all limits.
func TestSecurityARunningRequestHasNoTimeLimit(t *testing.T) {
	wait := func(c *call) {
		select {
		case <-time.After(quick.body * 5 / 4):
		case <-c.ctx.Done():
		}
	}
	routes := []route{{"POST", "/answer", keys.Infer, openAI, json, 0, func(c *call) error {
		if _, err := c.body(); err != nil {
			return err
		}
		wait(c)
		return c.answer(200, []byte("{}"))
	}}, {"POST", "/stream", keys.Infer, openAI, json, 0, func(c *call) error {
		if _, err := c.body(); err != nil {
			return err
		}
		s, err := c.stream()
		if err == nil {
			err = s.send([]byte("data: 1\n\n"))
		}
		wait(c)
		if err == nil {
			err = s.send([]byte("data: 2\n\n"))
		}
		return err
	}}}
	files := Certificate{filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")}
	certify(t, files, 1)
	for version, o := range map[int]Options{1: {}, 2: {TLS: &files}} {
		t.Run(fmt.Sprint("HTTP/", version), func(t *testing.T) {
			b := begin(t, o, quick, routes...)
			var clients sync.WaitGroup
			for path, want := range map[string]string{"/answer": "{}", "/stream": "data: 1\n\ndata: 2\n\n"} {
				clients.Go(func() {
					r, text := b.do("POST", path, "{}")
					assert.Equal(t, version, r.ProtoMajor)
					assert.Equal(t, 200, r.StatusCode, path)
					assert.Equal(t, want, text, path)
				})
			}
			clients.Wait()
		})
	}
}

// TestSecurityStreamsOfOneConnection sends more requests at a time than one connection of HTTP/2 may have.
func TestSecurityStreamsOfOneConnection(t *testing.T) {
	const most, many = maxStreams, 300
	files := Certificate{filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")}
	certify(t, files, 1)
	from, release := make(chan string), make(chan struct{})
	b := start(t, Options{TLS: &files}, route{"GET", "/hold", keys.Infer, openAI, none, 0, func(c *call) error {
		from <- c.r.RemoteAddr
		<-release
		return c.answer(200, []byte("{}"))
	}})
	b.ready() // so that the client knows the limit
	var clients sync.WaitGroup
	for range many {
		clients.Go(func() { b.do("GET", "/hold", "") })
	}
	streams := map[string]int{}
	for range many {
		streams[<-from]++
	}
	close(release)
	clients.Wait()
	for address, n := range streams {
		assert.LessOrEqual(t, n, most, address)
	}
	assert.Greater(t, len(streams), 1)
}

// TestSecurityManyConnections opens many more connections than are allowed. Half of them send half a header.
func TestSecurityManyConnections(t *testing.T) {
	const most, many = 50, 400
	held, release := make(chan bool), make(chan bool)
	b := start(t, Options{MaxConns: most}, route{"GET", "/hold", keys.Infer, openAI, none, 0, func(c *call) error {
		held <- true
		<-release
		return c.answer(200, []byte("{}"))
	}})
	before := heap()
	done := make(chan int)
	go func() {
		r, _ := b.do("GET", "/hold", "")
		done <- r.StatusCode
	}()
	<-held
	var all []net.Conn
	for i := range many {
		text := ""
		if i%2 == 0 {
			text = "GET /ready HTTP/1.1\r\nHo"
		}
		all = append(all, b.dial(text))
	}
	r, _ := b.do("GET", "/ready", "")
	assert.Equal(t, 200, r.StatusCode, "a normal client is served")
	var open atomic.Int32
	var reads sync.WaitGroup
	deadline := time.Now().Add(time.Second) // all read at once: a read that begins after its deadline tells nothing
	for _, c := range all {
		assert.NoError(t, c.SetReadDeadline(deadline))
		reads.Go(func() {
			_, err := c.Read(make([]byte, 1))
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				open.Add(1)
			}
		})
	}
	reads.Wait()
	assert.LessOrEqual(t, open.Load(), int32(most))
	release <- true
	assert.Equal(t, 200, <-done, "a running request goes on")
	assert.Less(t, heap()-before, int64(64<<20))
}

func TestSecurityNothingIsTold(t *testing.T) {
	const prompt, path, panicked = "the-secret-prompt", "/home/someone/secret-path/model.gguf", "secret-panic"
	ring, secrets := ring(t, keys.Limits{}, map[string]keys.Permission{"alice": keys.Infer})
	fails := map[string]error{
		"open":    &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist},
		"wrapped": fmt.Errorf("state: %w", &os.LinkError{Op: "rename", Old: path, New: path + ".new", Err: fs.ErrExist}),
	}
	b := start(t, Options{Keys: ring}, route{"POST", "/fail/{name}", keys.Infer, openAI, json, 0, func(c *call) error {
		if _, err := c.body(); err != nil {
			return err
		}
		return fails[c.r.PathValue("name")]
	}})
	told := ""
	for name := range fails {
		r, body := b.do("POST", "/fail/"+name+"?"+prompt, `{"prompt":"`+prompt+`"}`, "X-Api-Key", secrets["alice"], "User-Agent", prompt, "X-Request-Id", "of "+prompt)
		assert.Equal(t, 500, r.StatusCode)
		assert.Contains(t, body, r.Header.Get("X-Request-Id"))
		told += body
	}
	_, body := b.do("GET", "/"+prompt+"/"+path, "", "X-Api-Key", secrets["alice"], "Host", "localhost")
	told += body
	_, body = b.do("POST", "/fail/a?"+prompt, "{}", "X-Api-Key", prompt)
	told += body
	require.NoError(t, b.stop())
	logged := b.log.String()
	assert.Contains(t, logged, "open a file: file does not exist")
	assert.Contains(t, logged, "rename a file a file: file already exists")
	for _, marker := range []string{prompt, path, "secret-path", secrets["alice"], panicked} {
		assert.NotContains(t, told, marker)
		assert.NotContains(t, logged, marker)
	}
}

func TestSecurityPanics(t *testing.T) {
	b := start(t, Options{}, route{"GET", "/answer", keys.Infer, openAI, none, 0, func(c *call) error {
		return c.answer(200, make([]byte, c.report.read)[1:]) // reads behind the end
	}}, route{"GET", "/stream", keys.Infer, openAI, none, 0, func(c *call) error {
		s, err := c.stream()
		if err == nil {
			err = s.send([]byte("data: 1\n\n"))
		}
		if err == nil {
			panic("a fault")
		}
		return err
	}})
	r, body := b.do("GET", "/answer", "")
	assert.Equal(t, 500, r.StatusCode)
	assert.Contains(t, body, `"type":"server_error"`)
	assert.NotContains(t, body, "out of range")
	r, body = b.do("GET", "/stream", "")
	assert.Equal(t, 200, r.StatusCode)
	assert.True(t, strings.HasPrefix(body, "data: 1\n\ndata: {\"error\":"), body)
	r, _ = b.do("GET", "/ready", "")
	assert.Equal(t, 200, r.StatusCode)
	require.NoError(t, b.stop())
	assert.Contains(t, b.log.String(), "slice bounds out of range")
	assert.Contains(t, b.log.String(), "security_test.go", "the stack")
}

// certify writes a certificate for localhost with a serial number, and its key.
func certify(t *testing.T, files Certificate, serial int64) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	facts := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, facts, facts, &key.PublicKey, key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for path, block := range map[string]*pem.Block{files.File: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: secret}} {
		require.NoError(t, os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
}

// TestSecurityTLS exchanges the certificate while requests run.
func TestSecurityTLS(t *testing.T) {
	dir := t.TempDir()
	files := Certificate{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	_, err := New(Options{TLS: &files})
	require.ErrorIs(t, err, fs.ErrNotExist)
	certify(t, files, 1)
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	later := func() { mu.Lock(); defer mu.Unlock(); now = now.Add(time.Second) }
	more := make(chan struct{})
	b := start(t, Options{TLS: &files, Now: clock}, echo, ticks(more))

	stream, err := b.client.Post(b.url("/ticks"), "", nil)
	require.NoError(t, err)
	defer stream.Body.Close()
	assert.Equal(t, 2, stream.ProtoMajor, "HTTP/2")
	serial := func() int64 {
		c, err := tls.Dial("tcp", b.address, &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		defer c.Close()
		assert.GreaterOrEqual(t, c.ConnectionState().Version, uint16(tls.VersionTLS12))
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	assert.EqualValues(t, 1, serial())
	certify(t, files, 2)
	assert.EqualValues(t, 1, serial(), "it looks once a second")
	later()
	assert.EqualValues(t, 2, serial())
	require.NoError(t, os.WriteFile(files.File, []byte("damaged"), 0o600))
	later()
	assert.EqualValues(t, 2, serial(), "a damaged one is not taken")
	certify(t, files, 3)
	later()
	assert.EqualValues(t, 3, serial())
	close(more)
	text, err := io.ReadAll(stream.Body)
	require.NoError(t, err)
	assert.Equal(t, "data: tick\n\n", string(text), "the connection from before goes on")

	_, err = tls.Dial("tcp", b.address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	assert.ErrorContains(t, err, "protocol version")
	assert.NotContains(t, b.log.String(), dir)
}

func TestSecurityWhatIsOpenIsTold(t *testing.T) {
	ring, _ := ring(t, keys.Limits{}, map[string]keys.Permission{"a": keys.Infer})
	here, everywhere := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4zero, Port: 80}
	for says, o := range map[string]Options{"no key is needed": {Insecure: true}, "keys arrive without TLS": {Keys: ring}} {
		var log log
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		s, err := New(o)
		require.NoError(t, err)
		s.warn(here)
		assert.Empty(t, log.String())
		s.warn(everywhere)
		assert.Contains(t, log.String(), "level=WARN")
		assert.Contains(t, log.String(), says)
	}
}
