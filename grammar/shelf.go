package grammar

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// The limits of a Shelf, in bytes.
const (
	MaxPrograms = 48 << 20 // of compiled grammars
	MaxMasks    = 64 << 20 // of what the automata remember
)

// ErrFull is the error of Shelf.Take when too many large grammars are in use.
var ErrFull = errors.New("too many large grammars are in use: try again later")

// Shelf keeps the automata of a vocabulary. Texts of equal parts share one, and so its masks. What is not in use is forgotten by last use
// when there is too much. Goroutines may share a Shelf.
type Shelf struct {
	tokens     tokenizer.Tokenizer
	vocabulary func() *Vocabulary

	mu      sync.Mutex
	entries map[string]*shelved // by the part's key
	uses    int                 // so far
	size    int                 // bytes of programs
	masks   atomic.Int64        // bytes that the automata remember
}

// shelved is an automaton on a shelf.
type shelved struct {
	a     *Automaton
	size  int // bytes of the program and the key
	users int
	used  int // Shelf.uses at the last use
}

// NewShelf returns an empty shelf for a tokenizer's vocabulary.
func NewShelf(t tokenizer.Tokenizer) *Shelf {
	s := &Shelf{tokens: t, entries: map[string]*shelved{}}
	s.vocabulary = sync.OnceValue(func() *Vocabulary { return NewVocabulary(t) })
	return s
}

// Take returns the automaton of a part. The caller gives it back with Return. If the part cannot be compiled, the error is an *Error. If too
// much is in use, it is ErrFull.
func (s *Shelf) Take(p Part) (*Automaton, error) {
	if a := s.find(p.key); a != nil {
		return a, nil
	}
	g, err := New(p)
	if err != nil {
		return nil, err
	}
	a := g.Over(s.vocabulary())
	a.part, a.shared = p.key, &s.masks
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[p.key]; e != nil { // by another goroutine meanwhile
		return s.use(e), nil
	}
	e := &shelved{a: a, size: len(p.key) + a.program.size()}
	if !s.makeRoom(e.size) {
		return nil, ErrFull
	}
	s.size += e.size
	s.entries[p.key] = e
	return s.use(e), nil
}

func (s *Shelf) find(key string) *Automaton {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[key]; e != nil {
		return s.use(e)
	}
	return nil
}

func (s *Shelf) use(e *shelved) *Automaton {
	s.uses++
	e.used = s.uses
	e.users++
	return e.a
}

// makeRoom drops what is not in use until there is room for another program, and reports whether there is.
func (s *Shelf) makeRoom(size int) bool {
	for s.size+size > MaxPrograms || s.masks.Load() > MaxMasks {
		var oldest *shelved
		for _, e := range s.entries {
			if e.users == 0 && (oldest == nil || e.used < oldest.used) {
				oldest = e
			}
		}
		if oldest == nil {
			break
		}
		oldest.a.forget()
		s.size -= oldest.size
		delete(s.entries, oldest.a.part)
	}
	return s.size+size <= MaxPrograms
}

// Return ends the use of an automaton. Its states are not used any more.
func (s *Shelf) Return(a *Automaton) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[a.part].users--
}

// instrSize is the bytes of an instruction.
var instrSize = int(reflect.TypeFor[instr]().Size())

// size returns the bytes of a program, and of an automaton that runs it.
func (p *program) size() int {
	n := 4 << 10
	for i := range p.code {
		n += instrSize + 4*len(p.code[i].targets)
	}
	return n
}

// forget empties the automaton.
func (a *Automaton) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.empty()
}

// grow counts bytes that the automaton remembers.
func (a *Automaton) grow(n int) {
	a.size += n
	if a.shared != nil {
		a.shared.Add(int64(n))
	}
}

// full reports whether the automaton remembers too much: by itself, or because all those of its shelf do.
func (a *Automaton) full() bool {
	const little = MaxMasks / 512
	return a.size > maxCache || a.size > little && a.shared != nil && a.shared.Load() > MaxMasks
}
