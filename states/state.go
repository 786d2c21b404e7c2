package states

import (
	"crypto/rand"
	"sync"
	"sync/atomic"

	"github.com/gosling-rwkv/gosling/engine"
)

// State is a snapshot that several holders share: the tree, a name, requests that began with it. It never changes. Goroutines may share
// it. Whoever gets a State from this package holds it until Release. After the last Release, its memory may be used for another state.
type State struct {
	id       ID
	snapshot engine.Snapshot
	bytes    int64
	pool     *Pool // where the memory goes after the last Release, or nil
	holders  atomic.Int64
}

// ID identifies a State, also after its names were read from a folder again. Two states with the same ID have the same numbers. Others
// never have the same ID, even if their numbers are equal.
type ID [16]byte

// NewState returns a State with one holder, the caller. The snapshot must not change any more.
func NewState(s engine.Snapshot) *State {
	const header = 24 // of a slice
	state := &State{snapshot: s, bytes: int64(len(s.State)) * header}
	for _, x := range s.State {
		state.bytes += 4 * int64(len(x))
	}
	_, _ = rand.Read(state.id[:]) // it never fails
	state.holders.Store(1)
	return state
}

// ID returns what identifies the state.
func (s *State) ID() ID { return s.id }

// Bytes returns the memory that the state takes.
func (s *State) Bytes() int64 { return s.bytes }

// Snapshot returns the snapshot, to be read only and only while the caller holds the state.
func (s *State) Snapshot() engine.Snapshot {
	if s.holders.Load() <= 0 {
		panic("states: internal error: a state is used after its release")
	}
	return s.snapshot
}

// Hold adds a holder and returns s. The caller must hold s already.
func (s *State) Hold() *State {
	if s.holders.Add(1) <= 1 {
		panic("states: internal error: a state is held after its release")
	}
	return s
}

// Release ends what Hold or a constructor began.
func (s *State) Release() {
	switch left := s.holders.Add(-1); {
	case left < 0:
		panic("states: internal error: a state is released twice")
	case left == 0 && s.pool != nil:
		s.pool.give(s.snapshot)
	}
}

// spare is the most snapshots whose memory a Pool keeps without a State. One is enough while the tree replaces states one by one.
const spare = 4

// Pool makes the states of one model and uses the memory of released ones again. Without it, Go's garbage collector would let as much
// garbage pile up as there are states in use, since it starts when the heap has doubled. The zero value is ready. Goroutines may share it.
type Pool struct {
	mu   sync.Mutex
	free []engine.Snapshot
}

// New returns a State with one holder, the caller. save fills the snapshot, and uses its memory if that has the right size, as
// engine.Slots.Save does. The snapshot holds numbers of an older state.
func (p *Pool) New(save func(into *engine.Snapshot) error) (*State, error) {
	snapshot := p.take()
	if err := save(&snapshot); err != nil {
		p.give(snapshot)
		return nil, err
	}
	state := NewState(snapshot)
	state.pool = p
	return state, nil
}

func (p *Pool) take() engine.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.free) - 1
	if last < 0 {
		return engine.Snapshot{}
	}
	snapshot := p.free[last]
	p.free[last] = engine.Snapshot{}
	p.free = p.free[:last]
	snapshot.Tokens = 0
	return snapshot
}

func (p *Pool) give(s engine.Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < spare && s.State != nil {
		p.free = append(p.free, s)
	}
}
