package states

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
)

// Errors of Names.
var (
	ErrName       = errors.New("not a name for a state")
	ErrNoState    = errors.New("no state has this name")
	ErrLimit      = errors.New("delete a state first")
	ErrOtherModel = errors.New("a state fits one model file only")
	ErrDamaged    = errors.New("the state's file is damaged and was set aside: make the state again")
	ErrStorage    = errors.New("the folder of states cannot be used now")
	ErrClosed     = errors.New("the store of states is closed")
)

// Limit is how many states may be kept, and how large they may be together. Zero means that there is no limit.
type Limit struct {
	States int   // names
	Bytes  int64 // a state with several names counts once
}

// NamesOptions say which states a store keeps, and where.
type NamesOptions struct {
	Model  string        // the model's name, for people
	Layout engine.Layout // of the model's states
	Each   Limit         // what one tenant may keep
	All    Limit         // what all tenants may keep together
	Dir    string        // folder for the states. If it is empty, they are in memory only
	Memory int64         // bytes of states that are in Dir and also held in memory, because they were used last [256 MiB]
	Log    *slog.Logger  // what happens to the folder; nil drops it
}

// Names keeps states by name. Each tenant has names of its own. A state without a name gets an id, which is used as a name is. With a
// folder, states outlive the program. One program uses a folder at a time. Goroutines may share Names.
type Names struct {
	o       NamesOptions
	folder  *folder // nil without a folder
	pool    Pool
	changes sync.Mutex // held while names change, in memory and on the disk

	mu     sync.Mutex // guards what is below, and is never held while the disk works
	closed bool
	names  map[owned]*label
	bodies map[ID]*body
	uses   int64
	timer  *time.Timer // of the next name that expires
}

// owned is a name of a tenant.
type owned struct{ tenant, name string }

// label is what a name stands for. It never changes.
type label struct {
	body          *body
	made, expires time.Time // expires is zero if the name stays
}

func (e *label) expired(now time.Time) bool { return !e.expires.IsZero() && !now.Before(e.expires) }

// Named describes a state that has a name.
type Named struct {
	Name        string
	ID          ID       // of the State. Names that share one have the same ID
	Model       string   // the name of the model that made it
	Fingerprint [32]byte // of that model
	Tokens      int64    // that the state has read
	Bytes       int64
	Made        time.Time // when the state got the name
	Expires     time.Time // when it loses the name; zero is never
}

func (e *label) named(name string) Named {
	b := e.body
	return Named{name, b.id, b.model, b.fingerprint, b.tokens, b.bytes, e.made, e.expires}
}

// defaultMemory is what NamesOptions.Memory is by default.
const defaultMemory = 256 << 20

// OpenNames opens a store. It creates the folder if it is missing. A folder that another program uses is an error. The caller closes the
// store.
func OpenNames(o NamesOptions) (*Names, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	n := &Names{o: o, names: map[owned]*label{}, bodies: map[ID]*body{}}
	if o.Dir != "" {
		var err error
		if n.folder, err = openFolder(o.Dir, o.Log); err != nil {
			return nil, err
		}
		kept, err := n.folder.load()
		if err != nil {
			return nil, errors.Join(err, n.folder.close())
		}
		for key, e := range kept {
			n.names[key] = e
			n.bodies[e.body.id] = e.body
			e.body.users++
		}
	}
	n.schedule()
	return n, nil
}

// MaxMemory returns the maximum memory of the states that the store holds. 0 means no limit.
func (n *Names) MaxMemory() int64 {
	if n.folder == nil {
		return n.o.All.Bytes
	}
	return n.o.Memory
}

// Close ends the store. What is in memory only is lost.
func (n *Names) Close() error {
	n.changes.Lock()
	defer n.changes.Unlock()
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	if n.timer != nil {
		n.timer.Stop()
	}
	var held []*State
	for _, b := range n.bodies {
		held = append(held, b.drop())
	}
	n.mu.Unlock()
	for _, s := range held {
		s.release()
	}
	if n.folder == nil {
		return nil
	}
	return n.folder.close()
}

var (
	rightName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	device    = regexp.MustCompile(`(?i)^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?$`)
	anyID     = regexp.MustCompile(`^state_[a-z0-9]{24}$`)
)

// CheckName refuses what cannot be the name of a state. Names can also be the names of files, on every system. The error wraps ErrName.
func CheckName(name string) error {
	why := ""
	switch {
	case !rightName.MatchString(name):
		why = "want 1 to 64 letters, digits, dots, underscores and dashes"
	case strings.Contains(name, "..") || strings.HasSuffix(name, "."):
		why = "it ends with a dot, or has two in a row"
	case device.MatchString(name):
		why = "it is a device on Windows"
	case anyID.MatchString(name):
		why = "it looks like an id, and ids are given by the server"
	default:
		return nil
	}
	return fmt.Errorf("%.70q: %w: %s", name, ErrName, why)
}

// newID returns an id for a state without a name.
func newID() string { return "state_" + strings.ToLower(rand.Text()[:24]) }

// Put keeps a state under a name, and replaces the state that has the name. An empty name is replaced by a new id. After ttl the name is
// gone, or never if ttl is 0. The store holds the state by itself, so the caller releases its own. With a folder, Put returns after the
// state is safely on the disk. Errors wrap ErrName, ErrLimit, ErrStorage or ErrClosed, or say that the state does not fit the model. They
// change nothing.
func (n *Names) Put(tenant, name string, s *State, ttl time.Duration) (Named, error) {
	if err := checkNew(name, ttl); err != nil {
		return Named{}, err
	}
	if err := n.o.Layout.Fits(s.Snapshot()); err != nil {
		return Named{}, err
	}
	b, err := n.bodyOf(s)
	if err != nil {
		return Named{}, err
	}
	defer n.leave(b)
	if err := n.room(tenant, name, b); err != nil {
		return Named{}, err // before anything is written
	}
	if err := n.write(b, s); err != nil {
		return Named{}, err
	}
	return n.name(tenant, name, b, ttl)
}

func checkNew(name string, ttl time.Duration) error {
	if ttl < 0 {
		return fmt.Errorf("a state cannot be kept for %s", ttl)
	}
	if name == "" {
		return nil
	}
	return CheckName(name)
}

// room returns the error that a new name would get from the limits now.
func (n *Names) room(tenant, name string, b *body) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fits(owned{tenant, name}, b, time.Now())
}

// fits checks the limits for a new name, or for one that gets another state. n.mu is held.
func (n *Names) fits(key owned, b *body, now time.Time) error {
	if err := n.o.Each.check("the tenant's", n.with(key, b, now, func(k owned) bool { return k.tenant == key.tenant })); err != nil {
		return err
	}
	return n.o.All.check("all tenants'", n.with(key, b, now, func(owned) bool { return true }))
}

// with returns what the states whose keys match would take if key stood for b.
func (n *Names) with(key owned, b *body, now time.Time, match func(owned) bool) Limit {
	used, seen := Limit{States: 1, Bytes: b.bytes}, map[*body]bool{b: true}
	for k, e := range n.names {
		if k == key || !match(k) || e.expired(now) {
			continue
		}
		used.States++
		if !seen[e.body] {
			seen[e.body] = true
			used.Bytes += e.body.bytes
		}
	}
	return used
}

// check refuses what is beyond the limit.
func (l Limit) check(whose string, used Limit) error {
	if l.States > 0 && used.States > l.States {
		return fmt.Errorf("%s states would be %d, at most %d are kept: %w", whose, used.States, l.States, ErrLimit)
	}
	if l.Bytes > 0 && used.Bytes > l.Bytes {
		return fmt.Errorf("%s states would take %d bytes, at most %d are kept: %w", whose, used.Bytes, l.Bytes, ErrLimit)
	}
	return nil
}

// name lets a name stand for a body.
func (n *Names) name(tenant, name string, b *body, ttl time.Duration) (Named, error) {
	n.changes.Lock()
	defer n.changes.Unlock()
	if name == "" {
		name = newID()
	}
	now := time.Now().Round(0).UTC()
	e := &label{body: b, made: now}
	if ttl > 0 {
		e.expires = now.Add(ttl)
	}
	key := owned{tenant, name}
	n.mu.Lock()
	err := n.fits(key, b, now)
	n.mu.Unlock()
	if err == nil {
		err = n.change(key, e, now, nil)
	}
	if err != nil {
		return Named{}, err
	}
	return e.named(name), nil
}

// change lets key stand for e, or for nothing if e is nil. It also removes the keys in gone, and those that have expired. If the disk
// refuses, nothing changes. n.changes is held.
func (n *Names) change(key owned, e *label, now time.Time, gone []owned) error {
	n.mu.Lock()
	closed := n.closed
	for k, old := range n.names {
		if old.expired(now) && k != key {
			gone = append(gone, k)
		}
	}
	n.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if n.folder != nil {
		if err := n.folder.change(key, e, gone); err != nil {
			return err
		}
	}
	var left []*body
	n.mu.Lock()
	for _, k := range append(gone, key) {
		if old := n.names[k]; old != nil {
			delete(n.names, k)
			left = append(left, old.body)
		}
	}
	if e != nil {
		n.names[key] = e
		e.body.users++
	}
	n.mu.Unlock()
	for _, b := range left {
		n.leave(b)
	}
	n.schedule()
	return nil
}

// together is how long a name that has expired may wait for others, so that they are removed at once. Nobody finds it meanwhile.
const together = 10 * time.Second

// schedule sets the timer for the names that expire next.
func (n *Names) schedule() {
	n.mu.Lock()
	defer n.mu.Unlock()
	var next time.Time
	for _, e := range n.names {
		if !e.expires.IsZero() && (next.IsZero() || e.expires.Before(next)) {
			next = e.expires
		}
	}
	if n.timer != nil {
		n.timer.Stop()
	}
	if !next.IsZero() && !n.closed {
		n.timer = time.AfterFunc(max(0, time.Until(next))+together, n.expire)
	}
}

// expire removes the names that have expired.
func (n *Names) expire() {
	n.changes.Lock()
	defer n.changes.Unlock()
	err := n.change(owned{}, nil, time.Now(), nil)
	if err != nil && !errors.Is(err, ErrClosed) {
		n.o.Log.Warn("states that have expired are still on the disk", "error", err)
		n.schedule()
	}
}

// find returns what a name stands for. n.mu is held.
func (n *Names) find(tenant, name string) (*label, error) {
	if n.closed {
		return nil, ErrClosed
	}
	e := n.names[owned{tenant, name}]
	if e == nil || e.expired(time.Now()) {
		return nil, fmt.Errorf("%.70q: %w", name, ErrNoState)
	}
	return e, nil
}

// enter returns the body of a name, to be used until leave.
func (n *Names) enter(tenant, name string) (*body, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, err := n.find(tenant, name)
	if err != nil {
		return nil, err
	}
	e.body.users++
	return e.body, nil
}

// Find describes the state with a name or an id. The error wraps ErrNoState or ErrClosed.
func (n *Names) Find(tenant, name string) (Named, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, err := n.find(tenant, name)
	if err != nil {
		return Named{}, err
	}
	return e.named(name), nil
}

// Hold returns the state with a name or an id. The caller releases it. If only the disk has the state, Hold reads it. The error wraps
// ErrNoState, ErrOtherModel, ErrDamaged, ErrStorage or ErrClosed.
func (n *Names) Hold(tenant, name string) (*State, error) {
	b, err := n.enter(tenant, name)
	if err != nil {
		return nil, err
	}
	defer n.leave(b)
	if b.fingerprint != n.o.Layout.Fingerprint() {
		return nil, fmt.Errorf("%q was made by %q with other weights, this is %q: %w", name, b.model, n.o.Model, ErrOtherModel)
	}
	s, err := n.load(b)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return s, nil
}

// Fork gives the state that is called from a second name, as Put does. The state is not copied.
func (n *Names) Fork(tenant, from, to string, ttl time.Duration) (Named, error) {
	if err := checkNew(to, ttl); err != nil {
		return Named{}, err
	}
	b, err := n.enter(tenant, from)
	if err != nil {
		return Named{}, err
	}
	defer n.leave(b)
	return n.name(tenant, to, b, ttl)
}

// Delete takes the name from its state. The error wraps ErrNoState, ErrStorage or ErrClosed.
func (n *Names) Delete(tenant, name string) error {
	n.changes.Lock()
	defer n.changes.Unlock()
	if _, err := n.Find(tenant, name); err != nil {
		return err
	}
	return n.change(owned{tenant, name}, nil, time.Now(), nil)
}

// List returns a tenant's states in the order of their names.
func (n *Names) List(tenant string) []Named {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []Named
	now := time.Now()
	for key, e := range n.names {
		if key.tenant == tenant && !e.expired(now) {
			list = append(list, e.named(key.name))
		}
	}
	slices.SortFunc(list, func(a, b Named) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// NamesStats says what a store keeps.
type NamesStats struct {
	Names  int
	Bytes  int64 // of the states, each counted once
	Memory int64 // of those that are in memory
}

// Stats returns what the store keeps now.
func (n *Names) Stats() NamesStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	stats := NamesStats{Names: len(n.names)}
	for _, b := range n.bodies {
		stats.Bytes += b.bytes
		if b.state != nil {
			stats.Memory += b.bytes
		}
	}
	return stats
}
