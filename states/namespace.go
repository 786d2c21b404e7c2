package states

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// Secret is the key of a server's namespaces. Without it, nobody can compute the namespace of another tenant.
type Secret [32]byte

// NewSecret returns a random secret.
func NewSecret() Secret {
	var s Secret
	_, _ = rand.Read(s[:]) // it never fails
	return s
}

// Owner says whose checkpoints a namespace holds, and for which beginning of a text. Owners that differ in a single field share nothing.
type Owner struct {
	Model  [32]byte // engine.Model.Identity
	Begin  []byte   // identifies the state that texts begin with, such as State.ID; empty is the model's own
	Tenant string
	Salt   string // divides the tenant's cache, such as by the users of an application
}

// Namespace is where checkpoints of one owner are kept.
type Namespace [32]byte

// Namespace returns the namespace of an owner: the HMAC-SHA-256 of its fields, each with its length before it.
func (s Secret) Namespace(o Owner) Namespace {
	mac := hmac.New(sha256.New, s[:])
	for _, field := range [][]byte{o.Model[:], o.Begin, []byte(o.Tenant), []byte(o.Salt)} {
		var length [8]byte
		binary.LittleEndian.PutUint64(length[:], uint64(len(field)))
		mac.Write(length[:])
		mac.Write(field)
	}
	return Namespace(mac.Sum(nil))
}
