package hub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/fakehub"
)

var goose = hub.Repo{Owner: "BlinkDL", Name: "goose"}

// bytesOf returns n bytes that follow no pattern.
func bytesOf(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

// start starts a hub with one repository, and a client for it with an empty cache.
func start(t *testing.T) (*fakehub.Hub, *hub.Client) {
	t.Helper()
	h := fakehub.New()
	t.Cleanup(h.Close)
	h.Add("BlinkDL/goose", map[string][]byte{"goose.pth": bytesOf(300_000), "config.json": []byte(`{"goose": true}`), "sub/other.gguf": bytesOf(2000)})
	return h, client(t, h, "")
}

func client(t *testing.T, h *fakehub.Hub, token string) *hub.Client {
	t.Helper()
	return patientClient(t, h, token, time.Minute)
}

// patientClient returns a client with an empty cache that waits so long for bytes.
func patientClient(t *testing.T, h *fakehub.Hub, token string, stall time.Duration) *hub.Client {
	t.Helper()
	c, err := hub.New(hub.Site{Endpoint: h.URL, Named: true, Token: token, Cache: filepath.Join(t.TempDir(), "cache")},
		hub.Options{Wait: time.Millisecond, Stall: stall})
	require.NoError(t, err)
	return c
}

// pick returns a listed file.
func pick(t *testing.T, c *hub.Client, path string) hub.File {
	t.Helper()
	l, err := c.List(t.Context(), goose)
	require.NoError(t, err)
	for _, f := range l.Files {
		if f.Path == path {
			return f
		}
	}
	require.Fail(t, "not listed: "+path)
	return hub.File{}
}

// left lists the files in a folder.
func left(t *testing.T, dir string) (files []string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, e.Name())
		}
		return nil
	})
	return files
}

func TestAListHasNamesSizesAndHashes(t *testing.T) {
	for name, pages := range map[string]int{"on one page": 0, "on several pages": 1} {
		t.Run(name, func(t *testing.T) {
			h, c := start(t)
			h.Break(fakehub.Faults{PageSize: pages})
			l, err := c.List(t.Context(), goose)
			require.NoError(t, err)
			require.Len(t, l.Files, 3)
			assert.Equal(t, hub.File{Path: "goose.pth", Size: 300_000, SHA256: fakehub.SHA256(bytesOf(300_000))}, l.Files[1])
			assert.Equal(t, "config.json", l.Files[0].Path)
			assert.Len(t, l.Files[0].SHA1, 40)
		})
	}
}

func TestAFileIsDownloadedOnceAndIsInTheLayoutOfTheCache(t *testing.T) {
	h, c := start(t)
	for _, path := range []string{"goose.pth", "config.json", "sub/other.gguf"} {
		f := pick(t, c, path)
		var last int64
		b, err := c.Fetch(t.Context(), goose, f, hub.Events{Progress: func(done, total int64) { last = done }})
		require.NoError(t, err, path)
		assert.Equal(t, f.Size, last)
		assert.Equal(t, fakehub.Commit, b.Commit)
		assert.Equal(t, filepath.Join(c.Cache(), "models--BlinkDL--goose", "blobs", f.ID()), b.Path)
		h.Requests()
		again, err := c.Fetch(t.Context(), goose, f, hub.Events{})
		require.NoError(t, err)
		assert.Equal(t, b, again)
		assert.Len(t, h.Requests(), map[bool]int{true: 1, false: 2}[f.SHA256 != ""], "only its metadata is asked for")
		assert.False(t, c.Shown(goose, f))
		shown, err := c.Show(goose, b)
		require.NoError(t, err)
		assert.True(t, c.Shown(goose, f))
		assert.Equal(t, filepath.Join(c.Cache(), "models--BlinkDL--goose", "snapshots", fakehub.Commit, filepath.FromSlash(path)), shown)
		data, err := os.ReadFile(shown)
		require.NoError(t, err)
		assert.Len(t, data, int(f.Size))
		require.NoError(t, c.Drop(goose, f))
		assert.FileExists(t, shown, "other programs may use it")
	}
	ref, err := os.ReadFile(filepath.Join(c.Cache(), "models--BlinkDL--goose", "refs", "main"))
	require.NoError(t, err)
	assert.Equal(t, fakehub.Commit, string(ref))
}

func TestADroppedFileLeavesNothing(t *testing.T) {
	_, c := start(t)
	f := pick(t, c, "goose.pth")
	_, err := c.Fetch(t.Context(), goose, f, hub.Events{})
	require.NoError(t, err)
	require.NoError(t, c.Drop(goose, f))
	entries, err := os.ReadDir(c.Cache())
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// faults are faults that a client overcomes.
var faults = map[string]fakehub.Faults{
	"a server that is busy":             {Status: 503, Times: 3},
	"too many requests":                 {Status: 429, Times: 2, RetryAfter: "0"},
	"cut connections":                   {CutAfter: 70_000, Cuts: 3},
	"a connection cut again and again":  {CutAfter: 20_000},
	"cut connections, and no ranges":    {CutAfter: 200_000, Cuts: 2, NoRanges: true},
	"cut connections, and another ETag": {CutAfter: 200_000, Cuts: 2, ETags: true},
	"slow bytes":                        {Pause: 5 * time.Millisecond, Piece: 10_000},
}

func TestFaultsThatPassAreOvercome(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			h, c := start(t)
			file := pick(t, c, "goose.pth")
			h.Break(f)
			b, err := c.Fetch(t.Context(), goose, file, hub.Events{})
			require.NoError(t, err)
			data, err := os.ReadFile(b.Path)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(bytesOf(300_000), data))
			assert.Len(t, left(t, c.Cache()), 2, "the file and its lock")
		})
	}
}

func TestADownloadContinuesWhereItEnded(t *testing.T) {
	h, c := start(t)
	f := pick(t, c, "goose.pth")
	ctx, stop := context.WithCancel(t.Context())
	h.Break(fakehub.Faults{Pause: time.Millisecond, Piece: 10_000})
	_, err := c.Fetch(ctx, goose, f, hub.Events{Progress: func(done, total int64) {
		if done > 100_000 {
			stop()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	arrived := c.Arrived(goose, f)
	require.Greater(t, arrived, int64(100_000))
	assert.Equal(t, []hub.Partial{{Repo: "BlinkDL/goose", Path: filepath.Join(c.Cache(), "models--BlinkDL--goose", "blobs", f.ID()+".incomplete"), Size: arrived}},
		hub.Partials(c.Cache()))
	h.Requests()
	h.Break(fakehub.Faults{})
	_, err = c.Fetch(t.Context(), goose, f, hub.Events{})
	require.NoError(t, err)
	var ranges []string
	for _, r := range h.Requests() {
		if r.Range != "" {
			ranges = append(ranges, r.Range)
		}
	}
	assert.Contains(t, ranges, fmt.Sprintf("bytes=%d-", arrived))
	assert.Empty(t, hub.Partials(c.Cache()))
}

func TestWhatAnEarlierTryLeftIsNotTrusted(t *testing.T) {
	for name, data := range map[string][]byte{
		"other bytes":                   make([]byte, 1000),
		"more bytes than the file has":  make([]byte, 400_000),
		"as many bytes as the file has": make([]byte, 300_000),
	} {
		t.Run(name, func(t *testing.T) {
			_, c := start(t)
			f := pick(t, c, "goose.pth")
			path := filepath.Join(c.Cache(), "models--BlinkDL--goose", "blobs", f.ID()+".incomplete")
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, data, 0o600))
			_, err := c.Fetch(t.Context(), goose, f, hub.Events{})
			if err != nil { // the wrong bytes are found at the end, and removed
				require.ErrorAs(t, err, new(*hub.ChecksumError))
				_, err = c.Fetch(t.Context(), goose, f, hub.Events{})
			}
			require.NoError(t, err)
		})
	}
	t.Run("a whole file with another hash", func(t *testing.T) {
		_, c := start(t)
		f := pick(t, c, "goose.pth")
		path := filepath.Join(c.Cache(), "models--BlinkDL--goose", "blobs", f.ID())
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, make([]byte, f.Size), 0o600))
		_, err := c.Fetch(t.Context(), goose, f, hub.Events{})
		require.NoError(t, err)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(bytesOf(300_000), data))
	})
}

func TestFaultsThatStayEndInOneErrorAndLeaveNothing(t *testing.T) {
	elsewhere := fakehub.New()
	defer elsewhere.Close()
	for name, tc := range map[string]struct {
		faults fakehub.Faults
		want   string
		kept   bool // what arrived is kept
	}{
		"a wrong checksum":            {fakehub.Faults{Corrupt: true}, "has the hash", false},
		"more bytes than listed":      {fakehub.Faults{Longer: 1}, "more than the 300000 bytes", false},
		"bytes without end":           {fakehub.Faults{Longer: 1 << 22}, "more than the 300000 bytes", false},
		"a server that fails":         {fakehub.Faults{Status: 500}, "answers 500 Internal Server Error", false},
		"too many requests":           {fakehub.Faults{Status: 429}, "try again later, or set HF_TOKEN", false},
		"a range that was not wanted": {fakehub.Faults{CutAfter: 100_000, WrongRange: true}, "was asked for bytes 100000 to 299999", false},
		"silence":                     {fakehub.Faults{Pause: time.Hour}, "nothing arrived for 300ms", false},
		"no answer":                   {fakehub.Faults{Mute: true}, "no answer for a long time", false},
		"a connection cut for good":   {fakehub.Faults{CutAfter: 100_000, NoRanges: true, Cuts: 0}, "the connection was cut", true},
		"a redirect without TLS": {fakehub.Faults{Redirect: func(string) string { return "http://93.184.216.34/goose" }},
			"a public address without TLS", false},
		"a redirect to cloud metadata": {fakehub.Faults{Redirect: func(string) string { return "http://169.254.169.254/latest" }},
			"169.254.169.254, a private address", false},
		"a redirect to a file": {fakehub.Faults{Redirect: func(string) string { return "file:///etc/passwd" }}, "not an address of a file", false},
		"a redirect in circles": {fakehub.Faults{Redirect: func(target string) string {
			u, _ := url.Parse(target)
			return "http://" + u.Host + "/BlinkDL/missing"
		}}, "404", false},
	} {
		t.Run(name, func(t *testing.T) {
			h, c := start(t)
			if tc.faults.Mute || tc.faults.Pause > 0 {
				c = patientClient(t, h, "", 300*time.Millisecond)
			}
			f := pick(t, c, "goose.pth")
			h.Break(tc.faults)
			_, err := c.Fetch(t.Context(), goose, f, hub.Events{})
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "\n")
			if tc.kept {
				var network *hub.NetworkError
				require.ErrorAs(t, err, &network)
				assert.Positive(t, network.Kept)
				require.Len(t, hub.Partials(c.Cache()), 1)
				return
			}
			assert.Empty(t, left(t, c.Cache()))
		})
	}
}

func TestMissingAndGatedRepositories(t *testing.T) {
	h, c := start(t)
	h.Add("BlinkDL/gated", map[string][]byte{"goose.pth": bytesOf(5000)}).Gated = true
	_, err := c.List(t.Context(), hub.Repo{Owner: "BlinkDL", Name: "swan"})
	require.ErrorIs(t, err, hub.ErrNotFound)
	assert.ErrorContains(t, err, "BlinkDL/swan: ")
	assert.ErrorContains(t, err, "has no such repository, or it is private: check the name, or set HF_TOKEN")
	_, err = c.List(t.Context(), hub.Repo{Owner: "BlinkDL", Name: "goose", Revision: "v2"})
	require.ErrorContains(t, err, "the repository has no such revision")

	gated := hub.Repo{Owner: "BlinkDL", Name: "gated"}
	l, err := c.List(t.Context(), gated)
	require.NoError(t, err, "the list is public")
	_, err = c.Fetch(t.Context(), gated, l.Files[0], hub.Events{})
	require.ErrorIs(t, err, hub.ErrGated)
	assert.ErrorContains(t, err, h.URL+"/BlinkDL/gated")
	assert.Empty(t, left(t, c.Cache()))

	_, err = client(t, h, "hf_swan").List(t.Context(), goose)
	require.ErrorIs(t, err, hub.ErrToken)
	_, err = client(t, h, h.Token).Fetch(t.Context(), gated, l.Files[0], hub.Events{})
	require.NoError(t, err)

	f := pick(t, c, "goose.pth")
	f.Path = "swan.pth"
	_, err = c.Fetch(t.Context(), goose, f, hub.Events{})
	require.ErrorContains(t, err, "the repository has no such file")
	f.Path, f.SHA256 = "goose.pth", strings.Repeat("0", 64)
	_, err = c.Fetch(t.Context(), goose, f, hub.Events{})
	require.ErrorContains(t, err, "the file has changed since it was listed")
}

func TestTheTokenGoesToTheHubOnly(t *testing.T) {
	h, _ := start(t)
	c := client(t, h, h.Token)
	_, err := c.Fetch(t.Context(), goose, pick(t, c, "goose.pth"), hub.Events{})
	require.NoError(t, err)
	seen := map[bool]int{}
	for _, r := range h.Requests() {
		seen[r.CDN]++
		assert.Equal(t, map[bool]string{false: h.Token, true: ""}[r.CDN], r.Token)
	}
	assert.Positive(t, seen[true])
	assert.Positive(t, seen[false])
}

func TestNamesFromTheServerAreNoPaths(t *testing.T) {
	h, c := start(t)
	for _, name := range []string{"../goose.pth", "/etc/goose.pth", `..\goose.pth`, "a/../../goose.pth", "goose.pth/", "CON", "nul.pth", "goose\x00.pth", "", ".", "a//b", "goose:x", ".git/../x", strings.Repeat("g", 300)} {
		h.Break(fakehub.Faults{Rename: func(string) string { return name }})
		l, err := c.List(t.Context(), goose)
		require.NoError(t, err)
		assert.Empty(t, l.Files, "%q", name)
		_, err = c.Fetch(t.Context(), goose, hub.File{Path: name, Size: 1, SHA256: strings.Repeat("0", 64)}, hub.Events{})
		require.Error(t, err, "%q", name)
	}
	for _, id := range []string{"../../x", strings.Repeat("g", 64), "abc", ""} {
		_, err := c.Fetch(t.Context(), goose, hub.File{Path: "goose.pth", Size: 1, SHA256: id}, hub.Events{})
		require.Error(t, err, id)
	}
	for _, r := range []hub.Repo{{Owner: "..", Name: "x"}, {Owner: "a/b", Name: "x"}, {Owner: "a", Name: ""}, {Owner: "a", Name: "b", Revision: "../x"}, {Owner: "-", Name: "x y"}} {
		_, err := c.List(t.Context(), r)
		require.Error(t, err, r)
	}
	assert.Empty(t, left(t, c.Cache()))
}

func TestAddressesThatAHubMustNotHave(t *testing.T) {
	h, _ := start(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(h.URL, "http://"), ":")
	for name, tc := range map[string]struct {
		site hub.Site
		want string
	}{
		"the default hub leads to this machine": {hub.Site{Endpoint: h.URL}, "a private address, which is not the hub's"},
		"another name of this machine":          {hub.Site{Endpoint: "http://localhost:" + port}, "a private address, which is not the hub's"},
		"no scheme":                             {hub.Site{Endpoint: "huggingface.co", Named: true}, "want one such as https://huggingface.co"},
		"another scheme":                        {hub.Site{Endpoint: "ftp://huggingface.co", Named: true}, "want one such as"},
		"a password":                            {hub.Site{Endpoint: "https://goose:honk@huggingface.co", Named: true}, "holds a password"},
		"public without TLS":                    {hub.Site{Endpoint: "http://93.184.216.34", Named: true}, "a public address without TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.site.Cache = t.TempDir()
			c, err := hub.New(tc.site, hub.Options{Wait: time.Millisecond})
			if err == nil {
				_, err = c.List(t.Context(), goose)
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestANetworkThatIsMissing(t *testing.T) {
	h, _ := start(t)
	c := client(t, h, "")
	h.Close()
	_, err := c.List(t.Context(), goose)
	var network *hub.NetworkError
	require.ErrorAs(t, err, &network)
	assert.ErrorContains(t, err, "nobody answers there")
	c, err = hub.New(hub.Site{Endpoint: "https://no-such-host.invalid", Named: true, Cache: t.TempDir()}, hub.Options{})
	require.NoError(t, err)
	begin := time.Now()
	_, err = c.List(t.Context(), goose)
	require.ErrorAs(t, err, &network)
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound { // and not a server of names that is silent
		assert.Less(t, time.Since(begin), 10*time.Second)
	}
}

func TestAnAddressThatIsNoHub(t *testing.T) {
	h, c := start(t)
	h.Break(fakehub.Faults{PageSize: 1})
	_, err := c.List(t.Context(), hub.Repo{Owner: "BlinkDL", Name: "goose", Revision: "main"})
	require.NoError(t, err)
	h.Break(fakehub.Faults{Status: 200})
	_, err = c.List(t.Context(), goose)
	require.ErrorContains(t, err, "is not what a hub sends")
}

func TestTwoDownloadsOfAFileWaitForEachOther(t *testing.T) {
	h, c := start(t)
	f := pick(t, c, "goose.pth")
	h.Break(fakehub.Faults{Pause: time.Millisecond, Piece: 20_000})
	h.Requests()
	var both sync.WaitGroup
	var mu sync.Mutex
	waited := 0
	for range 2 {
		both.Go(func() {
			_, err := c.Fetch(t.Context(), goose, f, hub.Events{Waiting: func() {
				mu.Lock()
				defer mu.Unlock()
				waited++
			}})
			assert.NoError(t, err)
		})
	}
	both.Wait()
	assert.Equal(t, 1, fakehub.Sent(h.Requests()))
	assert.Equal(t, 1, waited)
}

func TestModelScope(t *testing.T) {
	h, _ := start(t)
	site, err := hub.ModelScopeSite(func(name string) string {
		return map[string]string{"MODELSCOPE_DOMAIN": h.URL, "HF_HOME": t.TempDir(), "MODELSCOPE_API_TOKEN": h.Token}[name]
	})
	require.NoError(t, err)
	c, err := hub.New(site, hub.Options{Wait: time.Millisecond})
	require.NoError(t, err)
	for _, path := range []string{"goose.pth", "config.json"} {
		b, err := c.Fetch(t.Context(), goose, pick(t, c, path), hub.Events{})
		require.NoError(t, err)
		_, err = c.Show(goose, b)
		require.NoError(t, err)
	}
	_, err = c.List(t.Context(), hub.Repo{Owner: "BlinkDL", Name: "swan"})
	require.ErrorIs(t, err, hub.ErrNotFound)
}

func TestSites(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, "token"), []byte("hf_file\n"), 0o600))
	for name, tc := range map[string]struct {
		env  map[string]string
		want hub.Site
	}{
		"the defaults": {map[string]string{"XDG_CACHE_HOME": "/c"}, hub.Site{Endpoint: "https://huggingface.co", Cache: filepath.Join("/c", "huggingface", "hub")}},
		"a mirror and a token": {map[string]string{"HF_ENDPOINT": "https://hf-mirror.com/", "HF_TOKEN": "hf_x", "HF_HOME": "/h"},
			hub.Site{Endpoint: "https://hf-mirror.com", Named: true, Token: "hf_x", Cache: filepath.Join("/h", "hub")}},
		"another cache":     {map[string]string{"HF_HUB_CACHE": "/hub", "HF_HOME": "/h"}, hub.Site{Endpoint: "https://huggingface.co", Cache: "/hub"}},
		"a token in a file": {map[string]string{"HF_HOME": home}, hub.Site{Endpoint: "https://huggingface.co", Token: "hf_file", Cache: filepath.Join(home, "hub")}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := hub.HuggingFaceSite(func(name string) string { return tc.env[name] })
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}
