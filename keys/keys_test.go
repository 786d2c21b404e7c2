package keys

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// begin is the time at which tests begin.
var begin = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// made makes a key that can be made.
func made(t *testing.T, name string, p Permission, l Limits) (string, Key) {
	secret, k, err := Make(name, p, l)
	require.NoError(t, err)
	return secret, k
}

// added returns a file with new keys of these names, and their secrets.
func added(t *testing.T, names ...string) (path string, secrets []string) {
	path = filepath.Join(t.TempDir(), "keys")
	for _, name := range names {
		secret, k := made(t, name, Infer, Limits{})
		require.NoError(t, Add(context.Background(), path, k))
		secrets = append(secrets, secret)
	}
	return path, secrets
}

func TestASecretHas256RandomBits(t *testing.T) {
	one, k := made(t, "a", Infer, Limits{})
	other, _ := made(t, "a", Infer, Limits{})
	assert.NotEqual(t, one, other)
	assert.Regexp(t, `^sk-gosling-[A-Za-z0-9_-]{43}$`, one)
	assert.Equal(t, sha256.Sum256([]byte(one)), k.Hash)
	assert.NotContains(t, k.String(), strings.TrimPrefix(one, start))
}

func TestKeysThatCannotBeMade(t *testing.T) {
	for name, says := range map[string]string{
		"":                      `"" is not a name`,
		"a b":                   "is not a name",
		"a\nb":                  "is not a name",
		strings.Repeat("a", 65): "is not a name",
		"default":               "want another name",
	} {
		_, _, err := Make(name, Infer, Limits{})
		assert.ErrorContains(t, err, says, name)
	}
	_, _, err := Make("a", 0, Limits{})
	assert.ErrorContains(t, err, "needs a permission")
}

func TestAFileKeepsItsLinesAndIsPrivate(t *testing.T) {
	path, _ := added(t, "a", "b", "c")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append([]byte("# mine\n\n"), text...), 0o644))
	require.NoError(t, os.Chmod(path, 0o644))
	require.NoError(t, Remove(context.Background(), path, "b"))
	keys, err := Read(path)
	require.NoError(t, err)
	require.Len(t, keys, 2)
	assert.Equal(t, "a", keys[0].Name)
	assert.Equal(t, "c", keys[1].Name)
	text, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(text), "# mine\n\n# name hash permissions limits\na sha256:"), string(text))
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing is left beside the file")
}

func TestNamesAreThereOnce(t *testing.T) {
	path, _ := added(t, "a")
	_, k := made(t, "a", Infer, Limits{})
	assert.ErrorIs(t, Add(context.Background(), path, k), ErrExists)
	assert.ErrorIs(t, Remove(context.Background(), path, "b"), ErrMissing)
	assert.Error(t, Add(context.Background(), path, Key{Name: "b"}), "a key that may do nothing")
}

func TestManyProgramsAddKeysAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	failed := make(chan error)
	for i := range 8 {
		go func() {
			_, k, err := Make(fmt.Sprint("key", i), Infer, Limits{})
			if err == nil {
				err = Add(context.Background(), path, k)
			}
			failed <- err
		}()
	}
	for range 8 {
		require.NoError(t, <-failed)
	}
	keys, err := Read(path)
	require.NoError(t, err)
	assert.Len(t, keys, 8)
}

func TestFaultsOfAFileHaveALine(t *testing.T) {
	hash := "sha256:" + strings.Repeat("0a", 32)
	for text, says := range map[string]string{
		"a":                                      "line 1: has 1 words, want 4",
		"#\n\na sha256:00 infer -":               `line 3: the hash of "a" is not sha256: and 64 hexadecimal digits`,
		"a md5:00 infer -":                       "is not sha256:",
		"a " + hash + " root -":                  `"root" is not a permission: want some of infer,states,models,metrics`,
		"a " + hash + " infer, -":                `"" is not a permission`,
		"a " + hash + " infer requests=0":        "want requests=N, with N from 1 to 1000000000",
		"a " + hash + " infer priority=101":      "from 1 to 100",
		"a " + hash + " infer tokens=1,tokens=2": "tokens is given twice",
		"a " + hash + " infer speed=1":           `"speed=1" is not a limit`,
		"a " + hash + " infer -\na " + strings.Replace(hash, "0a", "0b", 1) + " infer -": `line 2: a line above has the name "a" too`,
		"a " + hash + " infer -\nb " + hash + " infer -":                                 `line 2: a line above has the hash of "b" too`,
		"../a " + hash + " infer -":                                                      "is not a name",
		"default " + hash + " infer -":                                                   "want another name",
	} {
		_, err := parseFile(text)
		assert.ErrorContains(t, err, says, text)
	}
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("#\n"), 1<<20), 0o600))
	_, err := Read(path)
	assert.ErrorContains(t, err, "larger than 1 MiB, the limit for a key file")
}

func TestPermissionsAndLimitsAreReadAsTheyAreWritten(t *testing.T) {
	for p := Infer; p <= All; p++ {
		got, err := ParsePermissions(p.String())
		require.NoError(t, err)
		assert.Equal(t, p, got)
	}
	got, err := ParsePermissions("all")
	require.NoError(t, err)
	assert.Equal(t, All, got)
	for _, l := range []Limits{{}, {Requests: 1}, {Requests: 60, Tokens: 20_000, Running: 4, Priority: 2}} {
		got, err := ParseLimits(l.String())
		require.NoError(t, err)
		assert.Equal(t, l, got)
	}
}

func TestARingFindsTenantsOfItsKeysOnly(t *testing.T) {
	path, secrets := added(t, "a", "b", "c")
	ring, err := NewRing(Options{File: path, Secret: "my own"})
	assert.ErrorContains(t, err, "visible characters")
	assert.Nil(t, ring)
	ring, err = NewRing(Options{File: path, Secret: "my-own"})
	require.NoError(t, err)
	assert.Equal(t, 4, ring.Len())
	for i, secret := range secrets {
		assert.Equal(t, string("abc"[i]), ring.Find(secret, begin).Name)
		assert.Same(t, ring.Find(secret, begin), ring.Find(secret, begin))
		for _, wrong := range []string{"", secret[1:], secret[:len(secret)-1], secret + "A", strings.ToUpper(secret), strings.Repeat(secret, 1000), " " + secret} {
			assert.Nil(t, ring.Find(wrong, begin))
		}
	}
	own := ring.Find("my-own", begin)
	assert.Equal(t, Single, own.Name)
	assert.Equal(t, All, own.Permissions)
	_, err = NewRing(Options{})
	assert.ErrorContains(t, err, "want a key or a key file")
	_, err = NewRing(Options{File: filepath.Join(t.TempDir(), "missing")})
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestARingReadsAChangedFile(t *testing.T) {
	path, secrets := added(t, "a", "b")
	var log bytes.Buffer
	ring, err := NewRing(Options{File: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	a := ring.Find(secrets[0], begin)
	require.NoError(t, Remove(context.Background(), path, "b"))
	assert.NotNil(t, ring.Find(secrets[1], begin), "it has just looked")
	assert.Nil(t, ring.Find(secrets[1], begin.Add(time.Second)))
	assert.Same(t, a, ring.Find(secrets[0], begin.Add(time.Second)), "a tenant whose key has not changed keeps its counts")

	require.NoError(t, os.WriteFile(path, []byte("damaged"), 0o600))
	for i := range 3 {
		assert.Same(t, a, ring.Find(secrets[0], begin.Add(time.Duration(i+2)*time.Second)))
	}
	require.NoError(t, os.Remove(path))
	for i := range 3 {
		assert.Same(t, a, ring.Find(secrets[0], begin.Add(time.Duration(i+5)*time.Second)))
	}
	assert.Equal(t, 2, strings.Count(log.String(), "level=ERROR"), "each fault is told once: %s", &log)
	assert.NotContains(t, log.String(), path)

	secret, k := made(t, "c", States, Limits{})
	require.NoError(t, Add(context.Background(), path, k))
	assert.Equal(t, States, ring.Find(secret, begin.Add(9*time.Second)).Permissions)
	assert.Nil(t, ring.Find(secrets[0], begin.Add(9*time.Second)))
}

func TestRequestsPerMinute(t *testing.T) {
	tenant := newTenant(Key{Name: "a", Limits: Limits{Requests: 6}})
	for range 6 {
		require.NoError(t, tenant.Begin(begin))
		tenant.End(begin, 1000)
	}
	assert.Equal(t, []Allowance{{"requests", 6, 0, time.Minute}}, tenant.Allowances(begin))
	var over *LimitError
	require.ErrorAs(t, tenant.Begin(begin), &over)
	assert.InDelta(t, 10, over.After.Seconds(), 1e-6)
	assert.EqualError(t, over, "the limit of this key is 6 requests per minute: try again in 10 s")
	require.ErrorAs(t, tenant.Begin(begin.Add(9*time.Second)), &over)
	assert.InDelta(t, 1, over.After.Seconds(), 1e-6)
	require.NoError(t, tenant.Begin(begin.Add(10*time.Second)))
	require.Error(t, tenant.Begin(begin.Add(10*time.Second)))
}

func TestTokensPerMinute(t *testing.T) {
	tenant := newTenant(Key{Name: "a", Limits: Limits{Tokens: 600}})
	require.NoError(t, tenant.Begin(begin))
	assert.Equal(t, []Allowance{{"tokens", 600, 600, 0}}, tenant.Allowances(begin))
	tenant.End(begin, 1500) // 900 more than there are
	var over *LimitError
	require.ErrorAs(t, tenant.Begin(begin), &over)
	assert.InDelta(t, 90.1, over.After.Seconds(), 1e-6, "10 tokens a second make up for 900, and one is needed")
	assert.Equal(t, []Allowance{{"tokens", 600, 0, 150 * time.Second}}, tenant.Allowances(begin))
	require.Error(t, tenant.Begin(begin.Add(90*time.Second)))
	require.NoError(t, tenant.Begin(begin.Add(91*time.Second)))
}

func TestRunningRequests(t *testing.T) {
	tenant := newTenant(Key{Name: "a", Limits: Limits{Running: 2, Requests: 3}})
	require.NoError(t, tenant.Begin(begin))
	require.NoError(t, tenant.Begin(begin))
	var over *LimitError
	require.ErrorAs(t, tenant.Begin(begin), &over)
	assert.Equal(t, LimitError{"requests at the same time", 2, time.Second}, *over)
	tenant.End(begin, 0)
	require.NoError(t, tenant.Begin(begin), "a refused request counts for no other limit")
}

func TestATenantWithoutLimits(t *testing.T) {
	tenant := Everyone("local", All)
	for range 1000 {
		require.NoError(t, tenant.Begin(begin))
	}
	tenant.End(begin, 1e6)
	assert.Empty(t, tenant.Allowances(begin))
	assert.Equal(t, 1, tenant.Priority)
	assert.Equal(t, 3, newTenant(Key{Limits: Limits{Priority: 3}}).Priority)
}

// FuzzKeyFile checks that what is read and written again is the same.
func FuzzKeyFile(f *testing.F) {
	hash := "sha256:" + strings.Repeat("0a", 32)
	f.Add("# name hash permissions limits\n\nalice " + hash + " infer,states requests=60,tokens=20000,running=4,priority=2\n")
	f.Add("a\t" + hash + "  all -\r\nb")
	f.Add("a " + hash + " infer requests=-1,,")
	f.Fuzz(func(t *testing.T, text string) {
		defer fuzzing.Guard(t, len(text), 256)()
		file, err := parseFile(text)
		if err != nil {
			return
		}
		again, err := parseFile(file.String())
		require.NoError(t, err)
		require.Equal(t, file.keys(), again.keys())
		for _, k := range file.keys() {
			same, err := parse(k.String())
			require.NoError(t, err)
			require.Equal(t, k, same)
		}
	})
}
