package states_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/states"
)

func TestNamespacesDifferInEveryField(t *testing.T) {
	secret := states.Secret{1}
	seen := map[states.Namespace]string{}
	for name, o := range map[string]states.Owner{
		"none":                {},
		"a model":             {Model: [32]byte{1}},
		"a beginning":         {Begin: []byte("ab")},
		"a tenant":            {Tenant: "ab"},
		"a salt":              {Salt: "ab"},
		"fields side by side": {Tenant: "a", Salt: "b"},
		"the other way":       {Begin: []byte("a"), Tenant: "b"},
	} {
		space := secret.Namespace(o)
		assert.Empty(t, seen[space], name)
		seen[space] = name
		assert.NotEqual(t, space, states.Secret{2}.Namespace(o), "another server's")
	}
	assert.NotEqual(t, states.NewSecret(), states.NewSecret())
}

// TestNamespaceOfAVector compares with Python: hmac.digest(bytes(range(32)), fields, "sha256"), where fields is
// b"".join(struct.pack("<Q", len(f)) + f for f in (b"\x05" * 32, b"tuned", b"ann", b"")).
func TestNamespaceOfAVector(t *testing.T) {
	var secret states.Secret
	o := states.Owner{Begin: []byte("tuned"), Tenant: "ann"}
	for i := range secret {
		secret[i], o.Model[i] = byte(i), 5
	}
	space := secret.Namespace(o)
	assert.Equal(t, "66b44859e8933142b59f7f286795647161f1b5b02200cb90a52c07f5e399de15", hex.EncodeToString(space[:]))
}
