package states

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// The buckets of the index, and the version of the folder's format.
const (
	aboutBucket = "about"
	versionKey  = "version"
	version     = "1"
	namesBucket = "names"
)

// patience is how long the index is waited for, if another program than ours has opened it.
const patience = 500 * time.Millisecond

// openIndex opens or creates an index, whose version must be ours.
func (f *folder) openIndex(name string) (*bbolt.DB, error) {
	db, err := bbolt.Open(name, 0o600, &bbolt.Options{Timeout: patience, NoStatistics: true, OpenFile: f.root.openFile})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, bare(err))
	}
	if err := db.Update(checkVersion); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), db.Close())
	}
	return db, nil
}

// create creates the index beside its place, so that a program that is killed leaves all of it or nothing.
func (f *folder) create() error {
	const partial = indexFile + partialEnd
	if err := f.disk.remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := f.openIndex(partial)
	if err == nil {
		err = db.Close()
	}
	if err == nil {
		err = f.disk.rename(partial, indexFile)
	}
	if err != nil {
		return err
	}
	return f.disk.sync(".")
}

// check checks the pages of the index.
func (f *folder) check() error {
	file, err := f.root.openFile(indexFile, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil {
		err = checkPages(file, info.Size())
	}
	if err != nil {
		return fmt.Errorf("%s is damaged, move it away: %w", indexFile, err)
	}
	return nil
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
	text := value[min(4, len(value)):]
	if !bytes.Equal(value[:len(value)-len(text)], sumOf(key, text)) || json.Unmarshal(text, &r) != nil {
		return name, nil, errors.New("its record is damaged")
	}
	e, err := r.label()
	return name, e, err
}

// sumOf is the CRC-32 (Castagnoli) of a key and its record, which stands before the record.
func sumOf(key, text []byte) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	return binary.LittleEndian.AppendUint32(nil, crc32.Update(crc32.Checksum(key, table), table, text))
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
	return f.index.Update(func(tx *bbolt.Tx) error { return do(tx.Bucket([]byte(namesBucket))) })
}

// change lets a name stand for e, or for nothing if e is nil, and removes other names.
func (f *folder) change(key owned, e *label, gone []owned) error {
	var value []byte
	if e != nil {
		var err error
		if value, err = json.Marshal(e.record()); err != nil {
			return err
		}
		value = append(sumOf(key.key(), value), value...)
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
