package rwkv_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api/apitest"
	"github.com/gosling-rwkv/gosling/api/rwkv"
	"github.com/gosling-rwkv/gosling/internal/golden"
)

// A client makes a state with a name from a text.
func Example() {
	r, err := rwkv.DecodeCreate([]byte(`{"prompt": "Once upon a time", "name": "tale", "ttl": "24h"}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Prompt.Text, r.Name, *r.TTL)
	made := time.Unix(1790000000, 0)
	fmt.Printf("%s\n", rwkv.EncodeState(rwkv.State{ID: "state-1", Name: r.Name, Model: "rwkv7-g1", Tokens: 4, Bytes: 1 << 20, Created: made, Expires: made.Add(*r.TTL)}))
	// Output:
	// Once upon a time tale 24h0m0s
	// {"object":"state","id":"state-1","name":"tale","model":"rwkv7-g1","fingerprint":"","tokens":4,"bytes":1048576,"created_at":1790000000,"expires_at":1790086400}
}

var endpoints = apitest.Endpoints{"create": apitest.Decoder(rwkv.DecodeCreate), "fork": apitest.Decoder(rwkv.DecodeFork)}

func TestRequestsAreDecoded(t *testing.T) { apitest.Requests(t, endpoints) }

// FuzzStateRequests decodes any body at every endpoint. What is accepted says what is read, or how the new state is called.
func FuzzStateRequests(f *testing.F) {
	f.Add([]byte(`{"to":"a","prompt":[],"ttl":1e300}`))
	f.Add([]byte(`{"to":"a","prompt":"a","ttl":"9223372036s"}`))
	apitest.Fuzz(f, endpoints, func(t *testing.T, request any) {
		var keep rwkv.Keep
		switch r := request.(type) {
		case *rwkv.CreateRequest:
			require.True(t, (r.Prompt == nil) != (r.Conversation == nil))
			require.True(t, r.Prompt == nil || !r.Prompt.Empty())
			keep = r.Keep
		case *rwkv.ForkRequest:
			require.NotEmpty(t, r.Name)
			keep = r.Keep
		}
		require.True(t, keep.TTL == nil || *keep.TTL >= time.Second)
	})
}

func TestResponsesAreEncoded(t *testing.T) {
	made := time.Unix(1790000000, 0)
	kept := rwkv.State{ID: "state-1", Name: "goose", Model: "rwkv7-g1", Fingerprint: "0123abcd", Tokens: 12, Bytes: 4_000_000_000, Created: made, Expires: made.Add(10 * time.Minute)}
	for name, got := range map[string][]byte{
		"state":    rwkv.EncodeState(kept),
		"states":   rwkv.EncodeStates([]rwkv.State{kept, {ID: "state-2", Model: "demo", Created: made}}),
		"nothing":  rwkv.EncodeStates(nil),
		"deletion": rwkv.EncodeDeleted("goose"),
	} {
		t.Run(name, func(t *testing.T) {
			assert.True(t, json.Valid(got))
			golden.Text(t, "testdata/encode/"+name+".json", string(got)+"\n")
		})
	}
}
