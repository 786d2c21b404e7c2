package dialog

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/lineedit"
	"github.com/gosling-rwkv/gosling/internal/lock"
	"github.com/gosling-rwkv/gosling/internal/private"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
)

// Store is a folder of conversations that were kept. Each has a folder with its text, conversation.json, and a state. Only the last
// ones are kept.
type Store struct{ Folder string }

// folder returns the folder for what is kept of the user from one run to the next.
func folder() (string, error) { return private.State("gosling") }

// OpenStore returns the user's store.
func OpenStore() (Store, error) {
	folder, err := folder()
	return Store{filepath.Join(folder, "conversations")}, err
}

// OpenHistory opens the history of what the user has typed.
func OpenHistory() (*lineedit.History, error) {
	folder, err := folder()
	if err != nil {
		return nil, err
	}
	return lineedit.OpenHistory(filepath.Join(folder, "history"))
}

// Kept is how many conversations a store keeps.
const Kept = 20

// Saved is a conversation in a file.
type Saved struct {
	Version  int       `json:"version"`
	Model    string    `json:"model"`    // as the user named it; an absolute path if it is a file
	Identity string    `json:"identity"` // of the model's file
	Template string    `json:"template"`
	System   string    `json:"system"`
	Think    string    `json:"think"`
	Calls    bool      `json:"calls,omitempty"`
	Turns    []lm.Turn `json:"turns"`
	Pending  string    `json:"pending,omitempty"` // a message without an answer
	Partial  bool      `json:"partial,omitempty"` // the turns do not tell all that the state knows
	State    string    `json:"state,omitempty"`   // the name of the state's file
	Updated  time.Time `json:"updated"`
}

// Format returns the format of the conversation. The model thinks as before if think is off.
func (s Saved) Format(think prompt.Think) (f chat.Format, err error) {
	if f.Template, err = prompt.Named(s.Template); err != nil {
		return f, err
	}
	f.System, f.Calls, f.Think = s.System, s.Calls, think
	if before, err := prompt.ParseThink(s.Think); err == nil && think.Start == "" {
		f.Think = before
	}
	return f, nil
}

const (
	savedVersion = 1
	savedName    = "conversation.json"
	lockName     = "lock"
)

// savedLimit is the largest text of a conversation.
var savedLimit = infile.Limit{Bytes: 256 << 20, What: "a conversation"}

// Record is the place of one conversation. Nothing is written before there is something to keep.
type Record struct {
	store    Store
	model    string
	identity string
	folder   string // empty until it is made
	lock     *os.File
	state    string // the name of the state's file
	version  int    // of the state, counted up
}

// New returns the record of a new conversation with a model. name is what the user calls the model.
func (s Store) New(name string, identity [32]byte) *Record {
	if path, err := filepath.Abs(name); err == nil {
		if _, err := os.Stat(path); err == nil {
			name = path
		}
	}
	return &Record{store: s, model: name, identity: hex.EncodeToString(identity[:])}
}

// ErrNone is the error of Last if no conversation was kept.
var ErrNone = errors.New("no conversation was saved")

// Resumed is a conversation to go on with.
type Resumed struct {
	*Record
	Saved Saved
	State string // the path of the state; empty if there is none
}

// Last returns the last conversation. It leaves out conversations of programs that run, and damaged ones. The error is ErrNone if there
// is none. The caller closes the record.
func (s Store) Last() (*Resumed, error) {
	for _, found := range s.list() {
		f, free := hold(found.folder)
		if !free {
			continue
		}
		version, _ := strconv.Atoi(strings.TrimPrefix(found.State, "state-"))
		r := &Resumed{Saved: found.Saved, Record: &Record{
			store: s, model: found.Model, identity: found.Identity, folder: found.folder, lock: f, state: found.State, version: version,
		}}
		if found.State != "" {
			r.State = filepath.Join(found.folder, found.State)
		}
		return r, nil
	}
	return nil, ErrNone
}

// entry is a conversation in a store.
type entry struct {
	Saved
	folder string
}

// list returns the conversations of a store, the newest first.
func (s Store) list() []entry {
	paths, _ := filepath.Glob(filepath.Join(s.Folder, "*", savedName))
	var all []entry
	for _, path := range paths {
		data, err := savedLimit.File(path)
		if err != nil {
			continue
		}
		e := entry{folder: filepath.Dir(path)}
		if json.Unmarshal(data, &e.Saved) == nil && e.Version == savedVersion && filepath.Base(e.State) == cmp.Or(e.State, ".") {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return b.Updated.Compare(a.Updated) })
	return all
}

// hold takes the lock of a conversation. It reports false if a running program has it.
func hold(folder string) (*os.File, bool) {
	f, err := os.OpenFile(filepath.Join(folder, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false
	}
	if free, err := lock.Try(f); err == nil && !free {
		_ = f.Close()
		return nil, false
	}
	return f, true // also where the file system has no locks
}

// make makes the folder, and removes the oldest conversations.
func (r *Record) make() error {
	if r.folder != "" {
		return nil
	}
	if err := private.Folder(r.store.Folder); err != nil {
		return err
	}
	folder, err := os.MkdirTemp(r.store.Folder, time.Now().UTC().Format("20060102-150405-"))
	if err != nil {
		return err
	}
	f, free := hold(folder)
	if !free {
		return fmt.Errorf("%s: in use", folder)
	}
	r.folder, r.lock, r.state, r.version = folder, f, "", 0
	r.store.prune()
	return nil
}

// prune removes all but the newest conversations. Those of running programs stay.
func (s Store) prune() {
	list := s.list()
	for _, old := range list[min(Kept-1, len(list)):] {
		if f, free := hold(old.folder); free {
			_ = f.Close()
			_ = os.RemoveAll(old.folder)
		}
	}
}

// Save keeps a conversation with its state, which state writes to a path. If the program is killed meanwhile, what was kept before is
// still there.
func (r *Record) Save(saved Saved, state func(path string) error) error {
	if err := r.make(); err != nil {
		return err
	}
	before := r.state
	r.version++
	name := fmt.Sprintf("state-%d", r.version)
	if err := state(filepath.Join(r.folder, name)); err != nil {
		return err
	}
	r.state = name
	if err := r.write(saved); err != nil {
		r.state = before
		return err
	}
	if before != "" {
		if err := os.Remove(filepath.Join(r.folder, before)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// write keeps the text of a conversation beside the state that was kept last.
func (r *Record) write(saved Saved) error {
	if err := r.make(); err != nil {
		return err
	}
	saved.Version, saved.Model, saved.Identity, saved.State = savedVersion, r.model, r.identity, r.state
	f, err := atomicfile.Create(filepath.Join(r.folder, savedName), atomicfile.Options{Force: true})
	if err != nil {
		return err
	}
	defer f.Close()
	if err := json.NewEncoder(f).Encode(saved); err != nil {
		return err
	}
	return f.Commit()
}

// Renew lets the next conversation have a place of its own.
func (r *Record) Renew() error {
	err := r.Close()
	*r = Record{store: r.store, model: r.model, identity: r.identity}
	return err
}

// Kept reports whether something was kept.
func (r *Record) Kept() bool { return r.folder != "" }

// Close lets other programs go on with the conversation. It is safe to call twice.
func (r *Record) Close() error {
	if r.lock == nil {
		return nil
	}
	err := r.lock.Close()
	r.lock = nil
	return err
}

var _ io.Closer = (*Record)(nil)
