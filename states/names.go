package states

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors of Names.
var (
	ErrName    = errors.New("want 1 to 64 letters, digits, dots, underscores and dashes")
	ErrNoState = errors.New("no state has this name")
	ErrLimit   = errors.New("delete a state first")
)

// Limit is how many states may be kept, and how large they may be together. Zero means that there is no limit.
type Limit struct {
	States int   // names
	Bytes  int64 // a state with several names counts once
}

// Names keeps states by name. Each tenant has names of its own. Goroutines may share it.
type Names struct {
	each, all Limit
	mu        sync.Mutex
	states    map[owned]named
}

// owned is a name of a tenant.
type owned struct{ tenant, name string }

type named struct {
	state *State
	made  time.Time
}

// Named describes a state that has a name.
type Named struct {
	Name   string
	ID     ID
	Tokens int64 // that the state has read
	Bytes  int64
	Made   time.Time // when the state got the name
}

// NewNames returns an empty store. each limits what one tenant may keep, and all limits what all tenants may keep together.
func NewNames(each, all Limit) *Names { return &Names{each: each, all: all, states: map[owned]named{}} }

var rightName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Put gives a state a name. It replaces the state that has the name. The store holds the state by itself, so the caller releases its own.
// Errors wrap ErrName or ErrLimit, and change nothing.
func (n *Names) Put(tenant, name string, s *State) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.put(tenant, name, s)
}

func (n *Names) put(tenant, name string, s *State) error {
	if !rightName.MatchString(name) {
		return fmt.Errorf("%.70q as the name of a state: %w", name, ErrName)
	}
	key := owned{tenant, name}
	old, replaces := n.states[key]
	n.states[key] = named{s, time.Now()}
	err := n.each.check("the tenant's", n.used(func(k owned) bool { return k.tenant == tenant }))
	if err == nil {
		err = n.all.check("all tenants'", n.used(func(owned) bool { return true }))
	}
	switch {
	case err != nil && replaces:
		n.states[key] = old
	case err != nil:
		delete(n.states, key)
	default:
		s.Hold()
		if replaces {
			old.state.Release()
		}
	}
	return err
}

// used returns what the states whose keys match take.
func (n *Names) used(match func(owned) bool) (used Limit) {
	seen := map[*State]bool{}
	for key, kept := range n.states {
		if !match(key) {
			continue
		}
		used.States++
		if !seen[kept.state] {
			seen[kept.state] = true
			used.Bytes += kept.state.Bytes()
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

// Hold returns the state with a name. The caller releases it. The error wraps ErrNoState.
func (n *Names) Hold(tenant, name string) (*State, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept, err := n.find(tenant, name)
	if err != nil {
		return nil, err
	}
	return kept.state.Hold(), nil
}

func (n *Names) find(tenant, name string) (named, error) {
	kept, ok := n.states[owned{tenant, name}]
	if !ok {
		return kept, fmt.Errorf("%.70q: %w", name, ErrNoState)
	}
	return kept, nil
}

// Fork gives the state that is called from a second name, as Put does. The state is not copied.
func (n *Names) Fork(tenant, from, to string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept, err := n.find(tenant, from)
	if err != nil {
		return err
	}
	return n.put(tenant, to, kept.state)
}

// Delete takes the name from its state. The error wraps ErrNoState.
func (n *Names) Delete(tenant, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept, err := n.find(tenant, name)
	if err != nil {
		return err
	}
	delete(n.states, owned{tenant, name})
	kept.state.Release()
	return nil
}

// List returns a tenant's states in the order of their names.
func (n *Names) List(tenant string) []Named {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []Named
	for key, kept := range n.states {
		if key.tenant == tenant {
			list = append(list, Named{key.name, kept.state.id, kept.state.snapshot.Tokens, kept.state.bytes, kept.made})
		}
	}
	slices.SortFunc(list, func(a, b Named) int { return strings.Compare(a.Name, b.Name) })
	return list
}
