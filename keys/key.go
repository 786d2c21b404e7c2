package keys

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Key is what is known of a key.
type Key struct {
	Name        string
	Hash        [sha256.Size]byte // SHA-256 of the secret
	Permissions Permission
	Limits      Limits
}

// start is what secrets begin with, so that programs that look for leaked secrets find them.
const start = "sk-gosling-"

// Make makes a key and the secret that clients send. The secret cannot be found out later.
func Make(name string, p Permission, l Limits) (secret string, k Key, err error) {
	var bits [32]byte
	rand.Read(bits[:]) // never fails
	secret = start + base64.RawURLEncoding.EncodeToString(bits[:])
	k = Key{name, sha256.Sum256([]byte(secret)), p, l}
	return secret, k, k.check()
}

// Single is the name of the tenant of Options.Secret.
const Single = "default"

var rightName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (k Key) check() error {
	switch {
	case !rightName.MatchString(k.Name):
		return fmt.Errorf("%.80q is not a name: want 1 to 64 letters, digits, dots, underscores and dashes", k.Name)
	case k.Name == Single:
		return fmt.Errorf("%q is the name of the key that is given without a file: want another name", k.Name)
	case k.Permissions == 0:
		return errors.New("a key needs a permission")
	}
	return nil
}

// String returns the key's line of a key file.
func (k Key) String() string {
	return fmt.Sprintf("%s sha256:%x %s %s", k.Name, k.Hash, k.Permissions, k.Limits)
}

// parse reads a line with a key.
func parse(line string) (k Key, err error) {
	words := strings.Fields(line)
	if len(words) != 4 {
		return k, fmt.Errorf("has %d words, want 4: name, hash, permissions and limits", len(words))
	}
	k.Name = words[0]
	digits, ok := strings.CutPrefix(words[1], "sha256:")
	hash, err := hex.DecodeString(digits)
	if !ok || err != nil || len(hash) != len(k.Hash) {
		return k, fmt.Errorf("the hash of %.80q is not sha256: and 64 hexadecimal digits", k.Name)
	}
	copy(k.Hash[:], hash)
	if k.Permissions, err = ParsePermissions(words[2]); err != nil {
		return k, err
	}
	if k.Limits, err = ParseLimits(words[3]); err != nil {
		return k, err
	}
	return k, k.check()
}
