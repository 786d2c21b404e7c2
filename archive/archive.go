package archive

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Errors of an Archive.
var (
	ErrNone    = errors.New("no document has this id")
	ErrLarge   = errors.New("the document is larger than all that may be kept")
	ErrStorage = errors.New("the folder of documents cannot be used now")
)

// Options say what an archive keeps, and where. Zeros stand for the values in brackets.
type Options struct {
	Dir   string        // the folder of the documents, which is made if it is missing [in memory only]
	Life  time.Duration // how long a document is kept [30 days]
	Bytes int64         // the most bytes of all documents [64 MiB in memory, 4 GiB in a folder]
	Log   *slog.Logger  // what happens to the folder [dropped]
	Now   func() time.Time
}

// Life is how long a document is kept by default.
const Life = 30 * 24 * time.Hour

const (
	defaultMemory = 64 << 20
	defaultDisk   = 4 << 30
)

func (o Options) withDefaults() Options {
	if o.Life == 0 {
		o.Life = Life
	}
	if o.Bytes == 0 {
		o.Bytes = defaultMemory
		if o.Dir != "" {
			o.Bytes = defaultDisk
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Archive keeps documents. Goroutines may share it.
type Archive struct {
	o      Options
	folder *folder // nil without a folder

	mu      sync.Mutex
	entries map[key]*entry
	owners  map[string]*owner
	bytes   int64
}

// key is what a document is found by.
type key struct{ owner, id string }

// entry is a document that is kept.
type entry struct {
	key
	made  time.Time
	bytes int64
	data  []byte // nil if it is in the folder
}

// overhead is what an entry takes besides its document.
const overhead = 256

// owner is a tenant that keeps something.
type owner struct {
	entries []*entry // the oldest first
	bytes   int64
}

// Open opens an archive. A folder that another program uses is an error. The caller closes the archive.
func Open(o Options) (*Archive, error) {
	a := &Archive{o: o.withDefaults(), entries: map[key]*entry{}, owners: map[string]*owner{}}
	if o.Dir == "" {
		return a, nil
	}
	var err error
	if a.folder, err = openFolder(o.Dir); err != nil {
		return nil, err
	}
	kept, err := a.folder.list()
	if err != nil {
		return nil, errors.Join(err, a.folder.close())
	}
	slices.SortFunc(kept, func(x, y *entry) int { return x.made.Compare(y.made) })
	for _, e := range kept {
		a.add(e)
	}
	return a, nil
}

// Close ends the use of the folder. What is in memory only is lost.
func (a *Archive) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.folder == nil {
		return nil
	}
	return a.folder.close()
}

// add counts an entry. The newest comes last.
func (a *Archive) add(e *entry) {
	o := a.owners[e.owner]
	if o == nil {
		o = &owner{}
		a.owners[e.owner] = o
	}
	a.entries[e.key] = e
	o.entries = append(o.entries, e)
	o.bytes += e.bytes
	a.bytes += e.bytes
}

// drop removes an entry, and its file.
func (a *Archive) drop(e *entry) error {
	if a.folder != nil {
		if err := a.folder.remove(e.path()); err != nil {
			return a.failed(err)
		}
	}
	o := a.owners[e.owner]
	delete(a.entries, e.key)
	o.entries = slices.DeleteFunc(o.entries, func(other *entry) bool { return other == e })
	o.bytes -= e.bytes
	a.bytes -= e.bytes
	if len(o.entries) == 0 {
		delete(a.owners, e.owner)
	}
	return nil
}

func (a *Archive) over(e *entry) bool { return a.o.Now().Sub(e.made) >= a.o.Life }

// makeRoom drops the entries whose time is over, and those that are too many for size more bytes.
func (a *Archive) makeRoom(size int64) error {
	for _, o := range a.owners {
		for len(o.entries) > 0 && a.over(o.entries[0]) {
			if err := a.drop(o.entries[0]); err != nil {
				return err
			}
		}
	}
	for a.bytes+size > a.o.Bytes && len(a.owners) > 0 {
		var most *owner
		for _, o := range a.owners {
			if most == nil || o.bytes > most.bytes {
				most = o
			}
		}
		if err := a.drop(most.entries[0]); err != nil {
			return err
		}
	}
	return nil
}

// Put keeps a document, in place of the one with the same id. An id has letters, digits, underscores and dashes, at most 64. With a folder,
// the document is on the disk when Put returns. The error wraps ErrLarge or ErrStorage.
func (a *Archive) Put(tenant, id string, document []byte) error {
	if !rightID.MatchString(id) {
		return fmt.Errorf("%.70q: not an id", id)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	e := &entry{key: key{ownerOf(tenant), id}, made: a.o.Now(), bytes: int64(len(document)) + overhead}
	if e.bytes > a.o.Bytes {
		return fmt.Errorf("%d bytes of %d: %w", e.bytes, a.o.Bytes, ErrLarge)
	}
	if old := a.entries[e.key]; old != nil {
		if err := a.drop(old); err != nil {
			return err
		}
	}
	if err := a.makeRoom(e.bytes); err != nil {
		return err
	}
	if a.folder == nil {
		e.data = bytes.Clone(document)
	} else if err := a.folder.put(e, document); err != nil {
		return a.failed(err)
	}
	a.add(e)
	return nil
}

// find returns an entry.
func (a *Archive) find(tenant, id string) (*entry, error) {
	e := a.entries[key{ownerOf(tenant), id}]
	if e == nil || a.over(e) {
		return nil, fmt.Errorf("%.70q: %w", id, ErrNone)
	}
	return e, nil
}

// Get returns a document. It must not be changed. The error wraps ErrNone or ErrStorage.
func (a *Archive) Get(tenant, id string) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, err := a.find(tenant, id)
	if err != nil || a.folder == nil {
		return e.document(), err
	}
	data, err := a.folder.get(e)
	if err != nil {
		return nil, a.failed(err)
	}
	return data, nil
}

// document returns the document of an entry that is in memory.
func (e *entry) document() []byte {
	if e == nil {
		return nil
	}
	return e.data
}

// Delete removes a document. The error wraps ErrNone or ErrStorage.
func (a *Archive) Delete(tenant, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, err := a.find(tenant, id)
	if err != nil {
		return err
	}
	return a.drop(e)
}

// failed makes an error of the archive out of one of the folder. It names no path: clients may see it, the log has the rest.
func (a *Archive) failed(err error) error {
	a.o.Log.Error("the folder of documents cannot be used", "error", err)
	return ErrStorage
}
