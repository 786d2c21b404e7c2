package server

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/service"
)

func TestLlamaCompletion(t *testing.T) {
	k := newClient(t, service.Options{Cache: 64 << 20})
	request := fields{"prompt": "ROMEO:", "n_predict": 10, "temperature": 0, "n_probs": 2, "return_tokens": true, "stop": []string{"zzz"}}
	answer := k.post("/completion", request)
	text := answer["content"].(string)
	assert.Len(t, text, 10)
	assert.Len(t, answer["tokens"], 10)
	assert.Len(t, answer["completion_probabilities"], 10)
	assert.Equal(t, "limit", answer["stop_type"])
	assert.Equal(t, "ROMEO:", answer["prompt"])
	events := k.stream("/completion", request)
	var said strings.Builder
	for _, e := range events[:len(events)-1] {
		said.WriteString(e["content"].(string))
		assert.Equal(t, false, e["stop"])
	}
	assert.Equal(t, text, said.String())
	assert.Equal(t, true, events[len(events)-1]["stop"])

	request["stop"] = []string{text[4:6]}
	answer = k.post("/completion", request)
	assert.Equal(t, "word", answer["stop_type"])
	assert.Equal(t, text[4:6], answer["stopping_word"])
	assert.Equal(t, text[:4], answer["content"])
}

func TestARequestMayEndItsTextWhereTheOperatorWantsNoEnd(t *testing.T) {
	k := newClient(t, service.Options{IgnoreEnd: true})
	request := fields{"prompt": "ROMEO:", "n_predict": 2}
	for _, says := range []any{nil, true, false} {
		request["ignore_eos"] = says
		settings := k.post("/completion", request)["generation_settings"].(fields)
		if says == false {
			assert.Empty(t, settings["logit_bias"])
		} else {
			assert.NotEmpty(t, settings["logit_bias"], "%v", says)
		}
	}
}

func TestLlamaTokens(t *testing.T) {
	k := newClient(t, service.Options{})
	tokens := k.post("/tokenize", fields{"content": "Hé"})["tokens"]
	require.Len(t, tokens, 3)
	assert.Equal(t, tokens, k.post("/tokenize", fields{"content": "Hé", "add_special": true})["tokens"], "a prompt has no others")
	assert.Equal(t, "Hé", k.post("/detokenize", fields{"tokens": tokens})["content"])
	prompt := k.post("/apply-template", fields{"messages": user("Hi")})["prompt"]
	assert.Contains(t, prompt, "Hi")
	silent := client{trial: start(t, Options{Model: newModel(t, service.Options{}), NoSlots: true, NoMetrics: true})}
	for _, path := range []string{"/slots", "/metrics"} {
		status, _ := silent.ask("GET", path, nil)
		assert.Equal(t, 501, status, path)
	}
	_, props := silent.ask("GET", "/props", nil)
	assert.Equal(t, false, props["endpoint_slots"])
	_, props = k.ask("GET", "/props", nil)
	assert.Equal(t, 8.0, props["total_slots"])
}
