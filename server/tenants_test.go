package server

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/keys"
	"github.com/gosling-rwkv/gosling/service"
)

// tenants returns clients with keys of their own.
func tenants(t *testing.T, names ...string) map[string]client {
	permissions := map[string]keys.Permission{}
	for _, name := range names {
		permissions[name] = keys.Infer | keys.States
	}
	ring, secrets := ring(t, keys.Limits{}, permissions)
	b := start(t, Options{Model: newModel(t, service.Options{Cache: 64 << 20}), Keys: ring})
	clients := map[string]client{}
	for _, name := range names {
		clients[name] = client{b, secrets[name]}
	}
	return clients
}

const shared = "Once upon a time there was a goose that lived by a pond with many other geese."

// TestSecurityCachesAreTheTenants tells that nobody learns from the cache what another has asked.
func TestSecurityCachesAreTheTenants(t *testing.T) {
	k := tenants(t, "a", "b")
	cached := func(k client, more fields) any {
		body := fields{"prompt": shared, "max_tokens": 1}
		for field, value := range more {
			body[field] = value
		}
		return at(k.post("/v1/completions", body), "usage", "prompt_tokens_details", "cached_tokens")
	}
	assert.Zero(t, cached(k["a"], nil))
	assert.Equal(t, float64(len(shared)), cached(k["a"], nil), "the same key")
	assert.Zero(t, cached(k["b"], nil), "another key")
	assert.Zero(t, cached(k["a"], fields{"cache_salt": "x"}), "another salt")
	assert.NotZero(t, cached(k["a"], fields{"cache_salt": "x"}), "the same salt")
	assert.Zero(t, cached(k["a"], fields{"cache": false}))
	assert.Zero(t, cached(k["b"], fields{"cache_salt": "x"}), "another key with the same salt")
}

func TestSecurityStatesAreTheTenants(t *testing.T) {
	k := tenants(t, "a", "b")
	made := k["a"].post("/v1/states", fields{"prompt": shared, "name": "mine"})
	id := at(k["a"].post("/v1/completions", fields{"prompt": shared, "max_tokens": 1, "return_state": "id"}), "state", "id")
	require.NotEmpty(t, id)
	for name, path := range map[string]string{"mine": "/v1/states/mine", "id": "/v1/states/" + id.(string), "made": "/v1/states/" + made["id"].(string)} {
		status, _ := k["a"].ask("GET", path, nil)
		assert.Equal(t, http.StatusOK, status, name)
		for _, request := range []struct{ method, path string }{{"GET", path}, {"DELETE", path}, {"GET", path + "/content"}} {
			status, _ := k["b"].ask(request.method, request.path, nil)
			assert.Equal(t, http.StatusNotFound, status, "%s %s", request.method, name)
		}
		status, _ = k["b"].ask("POST", path+"/fork", fields{"to": "stolen"})
		assert.Equal(t, http.StatusNotFound, status)
	}
	for _, state := range []any{"mine", id} {
		status, _ := k["b"].ask("POST", "/v1/completions", fields{"prompt": "x", "state": state})
		assert.Equal(t, http.StatusNotFound, status)
	}
	_, list := k["b"].ask("GET", "/v1/states", nil)
	assert.Empty(t, list["data"])
	k["b"].post("/v1/states", fields{"prompt": "something else", "name": "mine"})
	_, mine := k["a"].ask("GET", "/v1/states/mine", nil)
	assert.Equal(t, made["tokens"], mine["tokens"], "names are apart")
}

func TestTheMetricsTellOfTheModel(t *testing.T) {
	k := newClient(t, service.Options{Cache: 64 << 20})
	k.post("/v1/completions", fields{"prompt": shared, "max_tokens": 4})
	k.post("/v1/completions", fields{"prompt": shared, "max_tokens": 4})
	_, text := k.do("GET", "/metrics", "")
	for _, line := range []string{
		"llamacpp:prompt_tokens_total 78", "llamacpp:prompt_tokens_cached_total 78", "llamacpp:n_tokens_max 82", "llamacpp:tokens_predicted_total 8",
		`gosling_cache_hits_total{tier="memory"} 1`, `gosling_sequences{state="decoding"} 0`, `gosling_tokens_total{kind="generated"} 8`,
	} {
		assert.Contains(t, text, line)
	}
}

func TestSecurityResponsesAreTheTenants(t *testing.T) {
	k := tenants(t, "a", "b")
	for name, request := range map[string]fields{"kept": {"input": sum, "max_output_tokens": 2}, "running": unending()} {
		id, _ := k["a"].post("/v1/responses", request)["id"].(string)
		path := "/v1/responses/" + id
		for _, request := range [][2]string{{"GET", path}, {"GET", path + "?stream=true"}, {"GET", path + "/input_items"}, {"POST", path + "/cancel"}, {"DELETE", path}} {
			status, _ := k["b"].ask(request[0], request[1], nil)
			assert.Equal(t, http.StatusNotFound, status, "%s: %s", name, request)
		}
		status, _ := k["b"].ask("POST", "/v1/responses", fields{"input": "x", "previous_response_id": id})
		assert.Equal(t, http.StatusNotFound, status, name)
		status, _ = k["a"].ask("GET", path, nil)
		assert.Equal(t, http.StatusOK, status, name)
		status, _ = k["a"].ask("DELETE", path, nil)
		assert.Equal(t, http.StatusOK, status, name)
	}
}
