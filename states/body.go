package states

import (
	"errors"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
)

// body is a state that names share.
type body struct {
	id            ID
	model         string
	fingerprint   [32]byte
	tokens, bytes int64
	file          string // its name in the folder. A body that is kept again gets another

	users int    // the names and the calls that use it. Names.mu guards users, state and used
	state *State // held by the body, or nil if only the file has it
	used  int64  // grows with each use

	disk    sync.Mutex // held while the file is written or read
	written bool       // whether the folder has the file. Guarded by disk
}

// drop takes the state from memory. The caller releases what it returns.
func (b *body) drop() *State {
	s := b.state
	b.state = nil
	return s
}

// release is Release, also for nil.
func (s *State) release() {
	if s != nil {
		s.Release()
	}
}

// bodyOf returns the body of a state, to be used until leave.
func (n *Names) bodyOf(s *State) (*body, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, ErrClosed
	}
	b := n.bodies[s.id]
	if b == nil {
		b = &body{id: s.id, model: n.o.Model, fingerprint: n.o.Layout.Fingerprint(), tokens: s.snapshot.Tokens, bytes: s.bytes, file: newFile()}
		n.bodies[s.id] = b
	}
	b.users++
	if b.state == nil {
		b.state = s.Hold()
	}
	n.uses++
	b.used = n.uses
	return b, nil
}

// leave ends the use of a body. Its last user removes it from memory and from the disk.
func (n *Names) leave(b *body) {
	n.mu.Lock()
	b.users--
	var left *State
	if b.users == 0 {
		delete(n.bodies, b.id)
		left = b.drop()
	}
	last := b.users == 0
	n.mu.Unlock()
	left.release()
	if last && b.written {
		n.folder.remove(b)
	}
}

// write puts a body into the folder, unless it is there.
func (n *Names) write(b *body, s *State) error {
	if n.folder == nil {
		return nil
	}
	b.disk.Lock()
	defer b.disk.Unlock()
	if b.written {
		return nil
	}
	if err := n.folder.write(b, n.o.Layout, s.Snapshot()); err != nil {
		return err
	}
	b.written = true
	n.evict()
	return nil
}

// inMemory returns the state of a body if it is in memory. The caller releases it.
func (n *Names) inMemory(b *body) *State {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b.state == nil {
		return nil
	}
	n.uses++
	b.used = n.uses
	return b.state.Hold()
}

// load returns the state of a body, from memory or from its file. The caller releases it.
func (n *Names) load(b *body) (*State, error) {
	if s := n.inMemory(b); s != nil {
		return s, nil
	}
	b.disk.Lock()
	defer b.disk.Unlock()
	if s := n.inMemory(b); s != nil {
		return s, nil // another call has read it
	}
	s, err := n.pool.New(func(into *engine.Snapshot) error { return n.folder.read(b, n.o.Layout, into) })
	switch {
	case errors.Is(err, ErrDamaged):
		n.setAside(b, err)
		return nil, ErrDamaged
	case err != nil:
		return nil, err
	}
	s.id = b.id
	n.mu.Lock()
	if !n.closed {
		b.state = s.Hold()
		n.uses++
		b.used = n.uses
	}
	n.mu.Unlock()
	n.evict()
	return s, nil
}

// setAside removes all names of a body whose file is damaged, and moves the file.
func (n *Names) setAside(b *body, why error) {
	n.changes.Lock()
	defer n.changes.Unlock()
	var gone []owned
	n.mu.Lock()
	for key, e := range n.names {
		if e.body == b {
			gone = append(gone, key)
		}
	}
	n.mu.Unlock()
	if len(gone) == 0 {
		return // they were deleted meanwhile, or another call has done it
	}
	err := n.folder.setAside(b)
	n.o.Log.Error("a state's file is damaged", "file", b.file, "reason", why, "names", len(gone), "moved", err == nil)
	if err := n.change(owned{}, nil, time.Now(), gone); err != nil {
		n.o.Log.Warn("the names of a damaged state are still there", "error", err)
	}
}

// evict takes the states from memory that were used longest ago, until the rest is within the bound. They are in the folder.
func (n *Names) evict() {
	var left []*State
	n.mu.Lock()
	for {
		sum, oldest := int64(0), (*body)(nil)
		for _, b := range n.bodies {
			if b.state == nil {
				continue
			}
			sum += b.bytes
			if oldest == nil || b.used < oldest.used {
				oldest = b
			}
		}
		if sum <= n.o.Memory {
			break
		}
		left = append(left, oldest.drop())
	}
	n.mu.Unlock()
	for _, s := range left {
		s.release()
	}
}
