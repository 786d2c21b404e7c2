package keys

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/internal/watch"
)

// Options says which keys a ring has.
type Options struct {
	File   string       // a key file; read again when it changes
	Secret string       // a key that may do everything, besides those of the file; its tenant is Single
	Log    *slog.Logger // told when the file was read again, and when it cannot be; by default nobody is
}

// Ring is the keys of a server. Goroutines may share it.
type Ring struct {
	o    Options
	mu   sync.Mutex
	keys []held
	file *watch.Files
}

type held struct {
	key    Key
	tenant *Tenant
}

var rightSecret = regexp.MustCompile(`^[!-~]+$`)

// NewRing returns a ring. It needs a file or a secret. The file must be there and without faults.
func NewRing(o Options) (*Ring, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.File == "" && o.Secret == "" {
		return nil, errors.New("want a key or a key file")
	}
	if o.Secret != "" && !rightSecret.MatchString(o.Secret) {
		return nil, errors.New("a key may only have visible characters of ASCII, because it is sent in a header")
	}
	r := &Ring{o: o, file: watch.New(o.File)}
	if err := r.load(); err != nil {
		return nil, err
	}
	return r, nil
}

// Len returns the number of keys.
func (r *Ring) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.keys)
}

// Find returns the tenant of a secret, or nil. It compares all keys, whatever the secret, so that its time tells nothing. now is the time
// by which the ring looks at its file again.
func (r *Ring) Find(secret string, now time.Time) *Tenant {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.o.File != "" && r.file.Changed(now) {
		r.reload()
	}
	hash := sha256.Sum256([]byte(secret))
	found := -1
	for i := range r.keys {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], r.keys[i].key.Hash[:]), i, found)
	}
	if found < 0 {
		return nil
	}
	return r.keys[found].tenant
}

// reload reads the changed file. If it cannot be read, the keys stay as they are.
func (r *Ring) reload() {
	if err := r.load(); err != nil {
		r.o.Log.Error("the key file has changed and cannot be read: the keys stay as they were",
			"error", strings.ReplaceAll(err.Error(), r.o.File, "the file"))
		return
	}
	r.o.Log.Info("the key file was read again", "keys", len(r.keys))
}

// load reads the file. A key that has not changed keeps its tenant, and so its counts.
func (r *Ring) load() error {
	var all []Key
	if r.o.Secret != "" {
		all = append(all, Key{Single, sha256.Sum256([]byte(r.o.Secret)), All, Limits{}})
	}
	if r.o.File != "" {
		keys, err := Read(r.o.File)
		if err != nil {
			return err
		}
		all = append(all, keys...)
	}
	old := map[Key]*Tenant{}
	for _, h := range r.keys {
		old[h.key] = h.tenant
	}
	r.keys = nil
	for _, k := range all {
		t := old[k]
		if t == nil {
			t = newTenant(k)
		}
		r.keys = append(r.keys, held{k, t})
	}
	return nil
}
