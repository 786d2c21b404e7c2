package keys_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gosling-rwkv/gosling/keys"
)

func Example() {
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keys.txt")
	secret, key, err := keys.Make("alice", keys.Infer, keys.Limits{Requests: 60})
	if err == nil {
		err = keys.Add(context.Background(), path, key)
	}
	if err != nil {
		panic(err)
	}
	ring, err := keys.NewRing(keys.Options{File: path})
	if err != nil {
		panic(err)
	}
	alice := ring.Find(secret, time.Now())
	fmt.Println(alice.Name, alice.Permissions, alice.Permissions.Has(keys.Models))
	fmt.Println(ring.Find("sk-gosling-something-else", time.Now()))
	// Output:
	// alice infer false
	// <nil>
}
