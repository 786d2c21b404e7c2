package openai_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/apitest"
	"github.com/gosling-rwkv/gosling/api/openai"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

var endpoints = apitest.Endpoints{
	"chat": apitest.Decoder(openai.DecodeChat), "completion": apitest.Decoder(openai.DecodeCompletion), "embedding": apitest.Decoder(openai.DecodeEmbeddings),
}

func TestRequestsAreDecoded(t *testing.T) { apitest.Requests(t, endpoints) }

// chatWith returns a request with a question and a field.
func chatWith(field, value string) []byte {
	return fmt.Appendf(nil, `{"messages": [{"role": "user", "content": "Hi"}], %q: %s}`, field, value)
}

// repeated returns a JSON array of n equal elements.
func repeated(element string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

func TestALimitHoldsAndOneMoreIsAnError(t *testing.T) {
	user := `{"role": "user", "content": "Hi"}`
	biases := func(n int) string {
		fields := make([]string, n)
		for i := range fields {
			fields[i] = fmt.Sprintf(`"%d": 1`, i)
		}
		return "{" + strings.Join(fields, ",") + "}"
	}
	for name, tc := range map[string]struct {
		most int
		body func(n int) []byte
		file string // whose endpoint it is
		says string
	}{
		"messages": {api.MaxMessages, func(n int) []byte { return []byte(`{"messages": ` + repeated(user, n) + `}`) }, "chat", "messages: has 4097 elements, 4096 are the most"},
		"parts": {api.MaxParts, func(n int) []byte {
			return []byte(`{"messages": [{"role": "user", "content": ` + repeated(`{"type": "text", "text": "a"}`, n) + `}]}`)
		}, "chat", "messages[0].content: has 1025 elements"},
		"calls": {api.MaxCalls, func(n int) []byte {
			return []byte(`{"messages": [{"role": "assistant", "tool_calls": ` + repeated(`{"function": {"name": "f", "arguments": "{}"}}`, n) + `}]}`)
		}, "chat", "messages[0].tool_calls: has 129 elements"},
		"tools": {api.MaxTools, func(n int) []byte {
			return chatWith("tools", repeated(`{"function": {"name": "f"}}`, n)+`, "tool_choice": "none"`)
		}, "chat", "tools: has 257 elements"},
		"choices":        {api.MaxChoices, func(n int) []byte { return chatWith("n", fmt.Sprint(n)) }, "chat", "n: 17 is not between 1 and 16"},
		"stops":          {api.MaxStops, func(n int) []byte { return chatWith("stop", repeated(`"a"`, n)) }, "chat", "stop: has 33 elements"},
		"a stop":         {api.MaxStopBytes, func(n int) []byte { return chatWith("stop", `"`+strings.Repeat("a", n)+`"`) }, "chat", "stop: a stop string of 257 bytes"},
		"biases":         {api.MaxBiases, func(n int) []byte { return chatWith("logit_bias", biases(n)) }, "chat", "logit_bias: has 1025 elements"},
		"pairs":          {api.MaxBiases, func(n int) []byte { return chatWith("logit_bias", repeated("[1,1]", n)) }, "chat", "logit_bias: has 1025 elements"},
		"top logprobs":   {api.MaxTopLogprobs, func(n int) []byte { return chatWith("logprobs", fmt.Sprintf(`true, "top_logprobs": %d`, n)) }, "chat", "top_logprobs: 21 is not between 0 and 20"},
		"salt":           {api.MaxSalt, func(n int) []byte { return chatWith("cache_salt", `"`+strings.Repeat("a", n)+`"`) }, "chat", "cache_salt: has 257 bytes"},
		"depth":          {api.MaxDepth - 1, func(n int) []byte { return chatWith("x", strings.Repeat("[", n)+strings.Repeat("]", n)) }, "chat", "more than 64 levels"},
		"fields":         {api.MaxFields, func(n int) []byte { return chatWith("x", "1"+strings.Repeat(`,"x":1`, n-2)) }, "chat", "has 2049 fields"},
		"prompts":        {api.MaxPrompts, func(n int) []byte { return []byte(`{"prompt": ` + repeated(`"a"`, n) + `}`) }, "completion", "prompt: has 129 elements"},
		"lists":          {api.MaxPrompts, func(n int) []byte { return []byte(`{"prompt": ` + repeated(`[1]`, n) + `}`) }, "completion", "prompt: has 129 elements"},
		"best":           {api.MaxChoices, func(n int) []byte { return fmt.Appendf(nil, `{"prompt": "a", "best_of": %d}`, n) }, "completion", "best_of: 17 is not between"},
		"logprobs":       {api.MaxTopLogprobs, func(n int) []byte { return fmt.Appendf(nil, `{"prompt": "a", "logprobs": %d}`, n) }, "completion", "logprobs: 21 is not between"},
		"embedded texts": {api.MaxInputs, func(n int) []byte { return []byte(`{"input": ` + repeated(`"a"`, n) + `}`) }, "embedding", "input: has 2049 elements"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := endpoints[tc.file](tc.body(tc.most))
			require.NoError(t, err)
			_, err = endpoints[tc.file](tc.body(tc.most + 1))
			var bad *api.Error
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, 400, bad.Code())
			assert.Contains(t, bad.Error(), tc.says)
		})
	}
}

func TestTokensThatAreNoneAreErrors(t *testing.T) {
	for prompt, want := range map[string]string{
		"[1, null]":      "prompt: want an array of token ids",
		`["a", 1, null]`: "prompt: want an array of token ids and texts",
		`["a", 1.5]`:     "prompt: 1.5 is not a token's id",
		`["a", -1]`:      "prompt: -1 is not a token's id",
		`["a", 1, [2]]`:  "prompt: want an array of token ids and texts",
		`[[1], {}]`:      "prompt[1].prompt_string: is missing",
		`{"prompt_string": "a", "multimodal_data": ["AA=="]}`: "prompt.multimodal_data: this server reads text only",
		"[1, 2.5]":        "prompt: want an array of token ids",
		"[1, 2147483648]": "prompt: want an array of token ids",
		"[[1], 2]":        "prompt: want an array of token ids",
		"[[1], []]":       "prompt[1]: is empty",
		"[[1], [-1]]":     "prompt[1]: -1 is not a token's id",
		"[null]":          "prompt[0]: want a string, token ids",
		"[]":              "prompt: is empty",
		"[true]":          "prompt[0]: want a string, token ids",
		"7":               "prompt: want a string, token ids",
	} {
		_, err := openai.DecodeCompletion([]byte(`{"prompt": ` + prompt + `}`))
		assert.ErrorContains(t, err, want, prompt)
	}
}

// TestHostileBodiesTakeMemoryInProportion decodes bodies that are mostly structure.
func TestHostileBodiesTakeMemoryInProportion(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory, of which the race detector needs more")
	}
	const size = 1 << 20
	filled := func(before, element, after string) string {
		return before + repeated(element, size/len(element)) + after
	}
	for name, body := range map[string]string{
		"numbers": filled(`{"messages": `, "0", "}"),
		"objects": filled(`{"messages": `, "{}", "}"),
		"tokens":  filled(`{"prompt": `, "1", "}"),
		"nulls":   filled(`{"prompt": `, "null", "}"),
		"texts":   filled(`{"input": `, `""`, "}"),
		"lists":   filled(`{"input": `, "[1]", "}"),
		"parts":   `{"messages": ` + repeated(`{"role": "user", "content": `+repeated(`{"type": "text", "text": ""}`, 30)+`}`, 1000) + "}",
		"calls":   `{"messages": ` + repeated(`{"role": "assistant", "tool_calls": `+repeated(`{"function": {"name": "`+strings.Repeat("f", 8000)+`", "arguments": "1"}}`, api.MaxCalls)+`}`, 1) + "}",
	} {
		for _, endpoint := range []string{"chat", "completion", "embedding"} {
			t.Run(name+" for "+endpoint, func(t *testing.T) {
				done := fuzzing.Guard(t, 0, 0)
				_, _ = endpoints[endpoint]([]byte(body))
				done()
			})
		}
	}
}

func TestNumbersThatAreNoneAreErrors(t *testing.T) {
	for field, values := range map[string][]string{
		"temperature":       {"-1", "1e999", `"1"`, "true", "[]", "{}", "-0.1"},
		"top_p":             {"1.1", "-1"},
		"top_k":             {"-2", "1.5", "9999999999"},
		"min_p":             {"2"},
		"penalty_decay":     {"1.01"},
		"presence_penalty":  {"1e7"},
		"frequency_penalty": {"-1e7"},
		"n":                 {"0", "-1", "1.5", "1e30"},
		"max_tokens":        {"-2", "0.5", "1e400", "99999999999999999999", `"5"`},
		"seed":              {"1.5", "1e19", `"x"`},
		"logit_bias":        {`{"1": "a"}`, `{"1": 1e7}`, `[[1]]`, `[[1.5, 1]]`, `[[-1, 1]]`, `[[true, 1]]`, `[[1, true]]`, `[[1, null]]`, `[[1, 1e7]]`, "[1]", "1", `[[1,1,1]]`},
		"stop":              {"1", `[1]`, `[null]`, `{}`},
		"stream":            {`"yes"`, "1"},
		"stream_options":    {"true", "[]"},
		"logprobs":          {"1", `"true"`},
		"state":             {"1", `{}`, `{"data": "?"}`, `{"data": 1}`, "[]"},
		"return_state":      {`"all"`, `""`, "true"},
		"cache":             {`"write"`, "1"},
		"think":             {`"hard"`, "1", `""`},
		"reasoning_effort":  {`"extreme"`, "1"},
		"modalities":        {`["text", "audio"]`, "1"},
		"response_format":   {`{"type": "json_schema"}`, `"text"`, `{"type": 1}`, `{}`, `{"type": "sound"}`, `{"type": "json_object", "schema": 123}`},
		"chat_template":     {`"{{ 1 }}"`},
		"think_budget":      {"-2", "0.5", `"5"`},
		"grammar":           {"1"},
		"json_schema":       {"1"},
		"samplers":          {`["top_k", "min_p", "temperature"]`, `"kmt"`, "1"},
		"n_probs":           {"21", "-1", "true"},
	} {
		for _, value := range values {
			_, err := openai.DecodeChat(chatWith(field, value))
			var bad *api.Error
			if assert.ErrorAs(t, err, &bad, "%s: %s", field, value) {
				assert.True(t, strings.HasPrefix(bad.Param, field), "%s: %s: %s", field, value, bad.Param)
				assert.Contains(t, bad.Message, bad.Param)
			}
		}
	}
}

func TestBodiesThatAreNoRequestsAreErrors(t *testing.T) {
	for body, want := range map[string]string{
		"":                            "not JSON: unexpected end of JSON input",
		"{":                           "not JSON: unexpected end of JSON input",
		`{"messages": []} x`:          "not JSON: invalid character 'x' after top-level value",
		"null":                        "want an object, not null",
		"[]":                          "want an object, not an array",
		`"a"`:                         "want an object, not a string",
		"{\"messages\": \"\xff\"}":    "the body is not UTF-8",
		"{}":                          "messages: want an array of at least one message",
		`{"messages": "a"}`:           "messages: want an array, not a string",
		`{"messages": []}`:            "messages: want an array of at least one message",
		`{"messages": [{}]}`:          "messages[0].role: is missing",
		`{"messages": [{"role": 1}]}`: "messages[0].role: want a string, not a number",
		strings.Repeat("[", 1<<20):    "more than 64 levels",
		`{"messages": [{"role": "user", "content": 1}]}`:                                                       "messages[0].content: want a string or an array of parts, not a number",
		`{"messages": [{"role": "user", "content": [{"text": "a"}]}]}`:                                         "messages[0].content[0].type: is missing",
		`{"messages": [{"role": "user", "content": [{"type": "text"}]}]}`:                                      "messages[0].content[0].text: is missing",
		`{"messages": [{"role": "user", "content": [{"type": "smell"}]}]}`:                                     `messages[0].content[0].type: "smell": want "text"`,
		`{"messages": [{"role": "assistant", "tool_calls": [{}]}]}`:                                            "messages[0].tool_calls[0].function: is missing",
		`{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]}`: "messages[0].tool_calls[0].function.arguments: not JSON",
	} {
		_, err := openai.DecodeChat([]byte(body))
		assert.ErrorContains(t, err, want)
	}
}

func TestWhatARequestSaysReplacesTheModelsOwnSampling(t *testing.T) {
	own := sampler.Options{Temperature: 1, TopP: 0.3, PresencePenalty: 0.5, PenaltyDecay: 0.996, Seed: 9, Logits: map[tokenizer.Token]float64{1: 1}}
	r, err := openai.DecodeChat(chatWith("temperature", `0, "min_p": 0.1, "penalty_decay": 0, "top_k": 5, "logit_bias": [[1, 2], ["a", false], ["b", 0]]`))
	require.NoError(t, err)
	got, err := r.Sampling.Over(own, tokenizer.Bytes())
	require.NoError(t, err)
	assert.Equal(t, sampler.Options{TopP: 0.3, MinP: 0.1, TopK: 5, PresencePenalty: 0.5, Seed: 9,
		Logits: map[tokenizer.Token]float64{1: 3, 98: math.Inf(-1)}}, got)
	assert.Equal(t, map[tokenizer.Token]float64{1: 1}, own.Logits, "the model's own stay")
	_, err = sampler.New(got)
	require.NoError(t, err)

	got, err = api.Sampling{}.Over(own, nil)
	require.NoError(t, err)
	assert.Equal(t, own, got)
	r, err = openai.DecodeChat(chatWith("logit_bias", `[["two", -1], ["2", 5]]`))
	require.NoError(t, err)
	got, err = r.Sampling.Over(sampler.Options{}, tokenizer.Bytes())
	require.NoError(t, err)
	assert.Equal(t, map[tokenizer.Token]float64{'t' + 1: -1, 'w' + 1: -1, 'o' + 1: -1, 2: 5}, got.Logits, "all tokens of a text")
	for _, bias := range []string{`{"999": 1}`, `{"": 1}`} {
		r, err := openai.DecodeChat(chatWith("logit_bias", bias))
		require.NoError(t, err)
		_, err = r.Sampling.Over(own, tokenizer.Bytes())
		var bad *api.Error
		require.ErrorAs(t, err, &bad)
		assert.Equal(t, "logit_bias", bad.Param)
	}
}

// TestEveryNumberThatIsTakenCanBeSampledWith holds the bounds here to those of the sampler.
func TestEveryNumberThatIsTakenCanBeSampledWith(t *testing.T) {
	for field, values := range map[string][]string{"temperature": {"0", "1e6"}, "top_p": {"0", "1"}, "min_p": {"0", "1"}, "top_k": {"-1", "2147483647"},
		"presence_penalty": {"-1e6", "1e6"}, "frequency_penalty": {"-1e6", "1e6"}, "penalty_decay": {"0", "1"}, "logit_bias": {`{"1": 1e6}`, `{"1": -1e6}`}} {
		for _, value := range values {
			r, err := openai.DecodeChat(chatWith(field, value))
			require.NoError(t, err)
			options, err := r.Sampling.Over(sampler.Options{}, nil)
			require.NoError(t, err)
			_, err = sampler.New(options)
			assert.NoError(t, err, "%s %s", field, value)
		}
	}
}

func TestTheThinkModeFitsTheModel(t *testing.T) {
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	qa, err := prompt.Named("qa")
	require.NoError(t, err)
	r, err := openai.DecodeChat(chatWith("reasoning_effort", `"low"`))
	require.NoError(t, err)
	f, err := r.Format(chat.Format{Template: g1})
	require.NoError(t, err)
	assert.Equal(t, "low", f.Think.Name)
	_, err = r.Format(chat.Format{Template: qa})
	assert.ErrorContains(t, err, "think: the model does not think")
	r, err = openai.DecodeChat(chatWith("think", `false`))
	require.NoError(t, err)
	f, err = r.Format(chat.Format{Template: qa, Think: f.Think})
	require.NoError(t, err)
	assert.Equal(t, "off", f.Think.Name)
}

// FuzzRequests decodes any body at every endpoint. What is accepted is within the limits, and encodes to a request that says the same.
func FuzzRequests(f *testing.F) {
	f.Add([]byte(`{"messages":[{"role":"user","content":"\ud800"}],"logit_bias":{"":1e-400},"stop":["\u0000"]}`))
	f.Add([]byte(`{"input":[[0]],"prompt":[0,0],"messages":[null]}`))
	f.Add([]byte(`{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"[1]"}}],"function_call":{"name":"f","arguments":"1"}}]}`))
	apitest.Fuzz(f, endpoints, check)
}

// check holds a request to what its type says.
func check(t *testing.T, request any) {
	t.Helper()
	var o api.Options
	switch r := request.(type) {
	case *openai.ChatRequest:
		o = r.Options
		require.NotEmpty(t, r.Messages)
		_, err := chat.Format{}.Prompt(r.Messages, r.Next)
		if err != nil {
			require.EqualError(t, err, "no message to answer")
		}
		if r.Think != "" {
			_, err := prompt.ParseThink(r.Think)
			require.NoError(t, err)
		}
	case *openai.CompletionRequest:
		o = r.Options
		require.NotEmpty(t, r.Prompts)
		require.GreaterOrEqual(t, r.BestOf, r.Choices)
	case *openai.EmbeddingRequest:
		require.NotEmpty(t, r.Inputs)
		return
	}
	require.True(t, o.Choices >= 1 && o.Choices <= api.MaxChoices)
	require.True(t, o.Limit == nil || *o.Limit >= 0)
	require.NotContains(t, o.Stop, "")
	_, err := sampler.New(first(o.Sampling.Over(sampler.Options{}, tokenizer.Bytes())))
	require.NoError(t, err)
}

// first returns the options, also where a bias names an unknown token.
func first(o sampler.Options, _ error) sampler.Options { return o }
