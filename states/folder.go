package states

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"regexp"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/gosling-rwkv/gosling/engine"
)

// What a folder of states contains. docs/format/state.md describes it.
const (
	indexFile  = "names.db"
	bodyFolder = "bodies"
	badFolder  = "bad"
	bodyEnd    = ".state"
	partialEnd = ".partial"
)

// The buckets of the index, and the version of the folder's format.
const (
	aboutBucket = "about"
	versionKey  = "version"
	version     = "1"
	namesBucket = "names"
)

// patience is how long a folder that another program uses is waited for.
const patience = 500 * time.Millisecond

// folder keeps names in an index, and bodies in files. A body's file is complete before the index names it, and is removed after the index
// has forgotten it. So a program that is killed leaves at most files that the index does not name, and the next one removes them.
type folder struct {
	root  rooted
	disk  disk // root, or what tests have in its place
	index *bbolt.DB
	log   *slog.Logger
}

func openFolder(dir string, log *slog.Logger) (_ *folder, err error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, fmt.Errorf("the folder of states %s: %w", dir, err)
	}
	f := &folder{root: d, disk: d, log: log}
	var file *os.File
	opened := func(name string, flag int, mode fs.FileMode) (_ *os.File, err error) {
		file, err = d.openIndex(name, flag, mode)
		return file, err
	}
	err = f.safely(func() error {
		f.index, err = bbolt.Open(indexFile, 0o600, &bbolt.Options{Timeout: patience, NoStatistics: true, OpenFile: opened})
		return err
	})
	if err != nil && file != nil {
		_ = file.Close() // bbolt does not do it if it panics, and then the file stays locked
	}
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		err = errors.New("another program uses it: stop that program, or use another folder")
	case err != nil:
		err = fmt.Errorf("%s: %w", indexFile, bare(err))
	default:
		err = f.safely(func() error { return f.index.Update(checkVersion) })
		if err == nil {
			err = d.sync(".")
		}
		if err == nil {
			return f, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("the folder of states %s: %w", dir, err), f.close())
}

func checkVersion(tx *bbolt.Tx) error {
	about, err := tx.CreateBucketIfNotExists([]byte(aboutBucket))
	if err != nil {
		return err
	}
	switch v := about.Get([]byte(versionKey)); {
	case v == nil:
		if err := about.Put([]byte(versionKey), []byte(version)); err != nil {
			return err
		}
	case string(v) != version:
		return fmt.Errorf("its format is version %.20q, this program knows version %s", v, version)
	}
	_, err = tx.CreateBucketIfNotExists([]byte(namesBucket))
	return err
}

func (f *folder) close() error {
	var err error
	if f.index != nil {
		err = f.index.Close()
	}
	return errors.Join(err, f.root.root.Close())
}

// safely runs what reads the index. The index is mapped into memory, and bbolt does not check all of it, so a damaged file can panic.
func (f *folder) safely(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s is damaged, move it away: %v", indexFile, r)
		}
	}()
	return do()
}

// record is the value of a name in the index.
type record struct {
	ID          string    `json:"id"`
	File        string    `json:"file"`
	Model       string    `json:"model"`
	Fingerprint string    `json:"fingerprint"`
	Tokens      int64     `json:"tokens"`
	Bytes       int64     `json:"bytes"`
	Made        time.Time `json:"made"`
	Expires     time.Time `json:"expires,omitzero"`
}

func (e *label) record() record {
	b := e.body
	return record{hex.EncodeToString(b.id[:]), b.file, b.model, hex.EncodeToString(b.fingerprint[:]), b.tokens, b.bytes, e.made, e.expires}
}

var rightFile = regexp.MustCompile(`^[0-9a-f]{32}$`)

// newFile returns a name for a body's file.
func newFile() string {
	var x [16]byte
	_, _ = rand.Read(x[:]) // it never fails
	return hex.EncodeToString(x[:])
}

// label is the reverse of label.record.
func (r record) label() (*label, error) {
	b := &body{model: r.Model, tokens: r.Tokens, bytes: r.Bytes, file: r.File, written: true}
	if !decodeHex(b.id[:], r.ID) || !decodeHex(b.fingerprint[:], r.Fingerprint) || !rightFile.MatchString(r.File) || r.Bytes < 0 || r.Tokens < 0 {
		return nil, errors.New("its record is damaged")
	}
	return &label{b, r.Made, r.Expires}, nil
}

// decodeHex reports whether s has the bytes of dst in hexadecimal.
func decodeHex(dst []byte, s string) bool {
	if len(s) != hex.EncodedLen(len(dst)) {
		return false
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}

// key is the key of a name in the index. A tenant may contain any byte, a name contains no zero.
func (o owned) key() []byte { return []byte(o.tenant + "\x00" + o.name) }

// ownedOf is the reverse of owned.key.
func ownedOf(key []byte) (owned, bool) {
	at := bytes.LastIndexByte(key, 0)
	if at < 0 {
		return owned{}, false
	}
	o := owned{string(key[:at]), string(key[at+1:])}
	return o, CheckName(o.name) == nil || anyID.MatchString(o.name)
}

// load returns the names in the index. It drops those without a body, and removes bodies without a name.
func (f *folder) load() (map[owned]*label, error) {
	files, err := f.disk.list(bodyFolder)
	if err != nil {
		return nil, f.failed(err)
	}
	there := map[string]bool{}
	for _, name := range files {
		there[name] = true
	}
	var names map[owned]*label
	var wrong [][]byte
	err = f.safely(func() error { names, wrong, err = f.scan(there); return err })
	if err == nil && len(wrong) > 0 {
		err = f.update(func(b *bbolt.Bucket) error { return deleteAll(b, wrong) })
	}
	if err != nil {
		return nil, f.failed(err)
	}
	used := map[string]bool{}
	for _, e := range names {
		used[e.body.file+bodyEnd] = true
	}
	for _, name := range files {
		end := path.Ext(name)
		if used[name] || end != bodyEnd && end != partialEnd || !rightFile.MatchString(name[:len(name)-len(end)]) {
			continue
		}
		if err := f.disk.remove(path.Join(bodyFolder, name)); err != nil {
			f.log.Warn("a state's file that has no name cannot be removed", "file", name, "error", err)
		}
	}
	return names, nil
}

// scan reads the index. It returns the names whose files are there, and the keys of the others.
func (f *folder) scan(there map[string]bool) (names map[owned]*label, wrong [][]byte, err error) {
	names = map[owned]*label{}
	bodies := map[ID]*body{}
	err = f.index.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(namesBucket)).ForEach(func(key, value []byte) error {
			name, e, err := parse(key, value)
			if err == nil && !there[e.body.file+bodyEnd] {
				err = errors.New("its file is missing")
			}
			if err == nil && bodies[e.body.id] != nil {
				if e.body.file != bodies[e.body.id].file {
					err = errors.New("its file is not that of its other names")
				}
				e.body = bodies[e.body.id]
			}
			if err != nil {
				f.log.Error("a state is lost", "name", name.name, "reason", err)
				wrong = append(wrong, bytes.Clone(key))
				return nil
			}
			names[name], bodies[e.body.id] = e, e.body
			return nil
		})
	})
	return names, wrong, err
}

// parse reads a name and its record.
func parse(key, value []byte) (owned, *label, error) {
	name, ok := ownedOf(key)
	if !ok {
		return name, nil, errors.New("its name is damaged")
	}
	var r record
	if err := json.Unmarshal(value, &r); err != nil {
		return name, nil, errors.New("its record is damaged")
	}
	e, err := r.label()
	return name, e, err
}

func deleteAll(b *bbolt.Bucket, keys [][]byte) error {
	for _, key := range keys {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// update changes the index in one transaction, which is on the disk when update returns.
func (f *folder) update(do func(*bbolt.Bucket) error) error {
	return f.safely(func() error {
		return f.index.Update(func(tx *bbolt.Tx) error { return do(tx.Bucket([]byte(namesBucket))) })
	})
}

// change lets a name stand for e, or for nothing if e is nil, and removes other names.
func (f *folder) change(key owned, e *label, gone []owned) error {
	var value []byte
	if e != nil {
		var err error
		if value, err = json.Marshal(e.record()); err != nil {
			return err
		}
	}
	keys := [][]byte{key.key()}
	for _, o := range gone {
		keys = append(keys, o.key())
	}
	err := f.update(func(b *bbolt.Bucket) error {
		if err := deleteAll(b, keys); err != nil || e == nil {
			return err
		}
		return b.Put(key.key(), value)
	})
	return f.failed(err)
}

// failed makes an error of the folder out of one of the system. It names no path: clients may see it, the log has the rest.
func (f *folder) failed(err error) error {
	if err == nil {
		return nil
	}
	f.log.Error("the folder of states cannot be used", "error", err)
	return fmt.Errorf("%w: %w", ErrStorage, bare(err))
}

// bare is an error without the paths that it names.
func bare(err error) error {
	var onPath *fs.PathError
	var onLink *os.LinkError
	var call *os.SyscallError
	switch {
	case errors.As(err, &onPath):
		return bare(onPath.Err)
	case errors.As(err, &onLink):
		return bare(onLink.Err)
	case errors.As(err, &call):
		return bare(call.Err)
	}
	return err
}

// write writes a body's file.
func (f *folder) write(b *body, l engine.Layout, s engine.Snapshot) error {
	partial := path.Join(bodyFolder, b.file+partialEnd)
	err := f.writeTo(partial, l, s)
	if err == nil {
		err = f.disk.rename(partial, b.path())
	}
	if err == nil {
		err = f.disk.sync(bodyFolder)
	}
	if err != nil {
		_ = f.disk.remove(partial) // it may not exist
		_ = f.disk.remove(b.path())
		return f.failed(err)
	}
	return nil
}

func (b *body) path() string { return path.Join(bodyFolder, b.file+bodyEnd) }

func (f *folder) writeTo(name string, l engine.Layout, s engine.Snapshot) error {
	w, err := f.disk.create(name)
	if err != nil {
		return err
	}
	err = l.Write(w, s, engine.StateF32)
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

// read reads a body's file. The error wraps ErrDamaged if the file is not what was written.
func (f *folder) read(b *body, l engine.Layout, into *engine.Snapshot) error {
	r, size, err := f.disk.open(b.path())
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotFile):
		return fmt.Errorf("%w: %w", ErrDamaged, bare(err))
	case err != nil:
		return f.failed(err)
	}
	defer r.Close()
	if want := l.FileBytes(engine.StateF32); size != want {
		return fmt.Errorf("%w: it has %d bytes, want %d", ErrDamaged, size, want)
	}
	in := &failing{r: r}
	err = l.Read(in, into)
	switch {
	case in.err != nil:
		return f.failed(in.err)
	case err == nil && into.Tokens != b.tokens:
		err = fmt.Errorf("it has read %d tokens, want %d", into.Tokens, b.tokens)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// failing keeps the first error of a reader that is not the end of the file.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && f.err == nil {
		f.err = err
	}
	return n, err
}

// remove removes a body's file.
func (f *folder) remove(b *body) {
	if err := f.disk.remove(b.path()); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrClosed) {
		f.log.Warn("a state's file cannot be removed", "error", err) // the next program that opens the folder tries again
	}
}

// setAside moves a damaged file out of the way.
func (f *folder) setAside(b *body) error {
	return f.disk.rename(b.path(), path.Join(badFolder, b.file+bodyEnd))
}
