package llamacpp_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/apitest"
	"github.com/gosling-rwkv/gosling/api/llamacpp"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// A client asks for two fields of the response.
func Example() {
	r, err := llamacpp.DecodeCompletion([]byte(`{"prompt": "Hi", "n_predict": 2, "response_fields": ["content", "generation_settings/n_predict"]}`))
	if err != nil {
		panic(err)
	}
	text := llamacpp.Completion{Content: " Honk.", Stop: llamacpp.AtLimit, Settings: llamacpp.Settings{Options: r.Options}}
	fmt.Printf("%s\n", llamacpp.EncodeCompletions([]llamacpp.Completion{text}, r.Fields))
	// Output: {"content":" Honk.","generation_settings/n_predict":2}
}

var endpoints = apitest.Endpoints{
	"completion": apitest.Decoder(llamacpp.DecodeCompletion), "tokenize": apitest.Decoder(llamacpp.DecodeTokenize),
	"detokenize": apitest.Decoder(llamacpp.DecodeDetokenize), "template": apitest.Decoder(llamacpp.DecodeTemplate),
	"embedding": apitest.Decoder(llamacpp.DecodeEmbeddings),
}

func TestRequestsAreDecoded(t *testing.T) { apitest.Requests(t, endpoints) }

// FuzzLlamaRequests decodes any body at every endpoint. The fields that a request asks for can be taken from any response.
func FuzzLlamaRequests(f *testing.F) {
	f.Add([]byte(`{"prompt":[0,"",{"prompt_string":""}],"response_fields":["","/","a//b","stop/stop","generation_settings"]}`))
	apitest.Fuzz(f, endpoints, func(t *testing.T, request any) {
		r, ok := request.(*llamacpp.CompletionRequest)
		if !ok {
			return
		}
		require.NotEmpty(t, r.Prompts)
		got := llamacpp.EncodeCompletions([]llamacpp.Completion{{Settings: llamacpp.Settings{Options: r.Options}}}, r.Fields)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(got, &fields))
		if len(r.Fields) > 0 {
			require.LessOrEqual(t, len(fields), len(r.Fields))
		}
	})
}

var (
	three   = 3
	answers = []api.Token{{ID: 97, Text: "`", Bytes: []byte("`"), Logprob: -0.5, Top: []api.Token{{ID: 97, Text: "`", Bytes: []byte("`"), Logprob: -0.5}}},
		{ID: 200, Bytes: []byte{0xc7}, Logprob: math.Inf(-1)}}
	text = llamacpp.Completion{Content: " a <é>", Tokens: []tokenizer.Token{33, 98}, Slot: 1, Model: "demo", Prompt: "Hi", Predicted: 2, Evaluated: 3, Held: 4,
		NewLine: true, Stop: llamacpp.AtWord, StopWord: "\n\n", Timings: api.Timings{Cached: 1, Prompt: 2, Predicted: 2, Read: time.Second, Decoded: time.Second},
		Settings: llamacpp.Settings{
			Options: api.Options{Stop: []string{"\n\n"}, Limit: &three, Logprobs: &three, IgnoreEnd: new(true), Stream: true, Timings: true},
			Sampling: sampler.Options{Temperature: 1, TopP: 0.5, TopK: 40, MinP: 0.25, PresencePenalty: 2, FrequencyPenalty: 1, PenaltyDecay: 0.5, Seed: 42,
				Logits: map[tokenizer.Token]float64{7: 1.5, 5: math.Inf(-1)}, Banned: []tokenizer.Token{0}},
		}}
)

func TestResponsesAreEncoded(t *testing.T) {
	end, likely := text, text
	end.Content, end.Tokens = "", nil
	likely.Probabilities, likely.State = answers, &api.StateInfo{Name: "goose"}
	drawn := llamacpp.Completion{Probabilities: []api.Token{answers[0], answers[1]}}
	for i := range drawn.Probabilities {
		drawn.Probabilities[i].Sampled = true
	}
	for name, got := range map[string][]byte{
		"completion":        llamacpp.EncodeCompletions([]llamacpp.Completion{likely}, nil),
		"completions":       llamacpp.EncodeCompletions([]llamacpp.Completion{{Stop: llamacpp.NotStopped}, {Index: 1, Stop: llamacpp.AtEnd, Truncated: true}}, nil),
		"completion-fields": llamacpp.EncodeCompletions([]llamacpp.Completion{text}, []string{"prompt", "generation_settings/seed", "prompt", "nothing", "prompt/x", "timings/cache_n"}),
		"completion-drawn":  llamacpp.EncodeCompletions([]llamacpp.Completion{drawn}, []string{"completion_probabilities"}),
		"tokens":            llamacpp.EncodeTokens([]tokenizer.Token{1, 2}),
		"no-tokens":         llamacpp.EncodeTokens(nil),
		"pieces":            llamacpp.EncodePieces([]tokenizer.Token{73, 196, 170}, tokenizer.Bytes()),
		"content":           llamacpp.EncodeContent([]byte("a\xff<\"é")),
		"prompt":            llamacpp.EncodePrompt("User: Hi\n\nAssistant:"),
		"embeddings":        llamacpp.EncodeEmbeddings([][]float32{{0.5, -1}, {0, 0.25}}),
		"health":            llamacpp.EncodeHealth(),
		"props": llamacpp.EncodeProps(llamacpp.Props{Settings: llamacpp.Settings{Sampling: sampler.Options{Seed: 42}}, Context: 256, Slots: 2, Alias: "demo", File: "demo.gguf",
			Type: "F16", Template: "g1", Turns: true, Thinks: true, End: "\n\n", Build: "b1-goose", HasSlots: true}),
		"slots": llamacpp.EncodeSlots([]llamacpp.Slot{{}, {Busy: true, Prompt: 9, Read: 4, Cached: 5, Generated: 2, Remaining: &three, NewLine: true}}, 256),
	} {
		t.Run(name, func(t *testing.T) {
			assert.True(t, json.Valid(got))
			golden.Text(t, "testdata/encode/"+name+".json", string(got)+"\n")
		})
	}
	t.Run("stream", func(t *testing.T) {
		var stream strings.Builder
		for _, chunk := range [][]byte{
			llamacpp.EncodeChunk(llamacpp.Chunk{Evaluated: 3, Timings: &api.Timings{}, Progress: &api.Progress{Total: 3, Cached: 1, Read: 1}}),
			llamacpp.EncodeChunk(llamacpp.Chunk{Content: " a", Tokens: []tokenizer.Token{33, 98}, Predicted: 2, Evaluated: 3}),
			llamacpp.EncodeChunk(llamacpp.Chunk{Index: 1, Content: "\n", Tokens: []tokenizer.Token{11}, Predicted: 1, Evaluated: 3, Probabilities: answers[:1]}),
			llamacpp.EncodeCompletions([]llamacpp.Completion{end}, nil),
		} {
			require.NotContains(t, string(chunk), "\n", "a line end would end the event's data")
			stream.Write(api.Event(chunk))
		}
		golden.Text(t, "testdata/encode/completion.stream", stream.String())
	})
}

// TestTheSettingsOfAnEmptyRequestChangeNothing sends back what a response tells, as clients do that keep settings.
func TestTheSettingsOfAnEmptyRequestChangeNothing(t *testing.T) {
	sampling := sampler.Options{Temperature: 0.5, TopP: 0.25, TopK: 7, PenaltyDecay: 1, Seed: 9}
	got := llamacpp.EncodeCompletions([]llamacpp.Completion{{Settings: llamacpp.Settings{Sampling: sampling}}}, nil)
	var response struct {
		Settings map[string]any `json:"generation_settings"`
	}
	require.NoError(t, json.Unmarshal(got, &response))
	response.Settings["prompt"] = "Hi"
	body, err := json.Marshal(response.Settings)
	require.NoError(t, err)
	r, err := llamacpp.DecodeCompletion(body)
	require.NoError(t, err)
	again, err := r.Sampling.Over(sampler.Options{TopP: 1}, tokenizer.Bytes())
	require.NoError(t, err)
	again.Seed = *r.Seed
	assert.Equal(t, sampling, again)
	assert.Nil(t, r.Limit)
	assert.Equal(t, []string{"repeat_last_n", "samplers"}, r.Ignored)
}

func TestAVectorHasTheLengthOfItsNorm(t *testing.T) {
	for norm, want := range map[llamacpp.Norm][]float32{llamacpp.NoNorm: {3, -4, 0}, 0: {24570, -32760, 0}, 1: {3. / 7, -4. / 7, 0}, llamacpp.Euclidean: {0.6, -0.8, 0},
		3: {3 / float32(math.Cbrt(91)), -4 / float32(math.Cbrt(91)), 0}, 1024: {0.75, -1, 0}} {
		got := norm.Apply([]float32{3, -4, 0})
		assert.InDeltaSlice(t, want, got, 1e-6*max(1, float64(want[0])), "%d", norm)
		assert.Equal(t, []float32{0, 0}, norm.Apply([]float32{0, 0}))
		for _, x := range norm.Apply([]float32{1e-30, 1e30}) {
			assert.False(t, math.IsNaN(float64(x)) || math.IsInf(float64(x), 0), "%d", norm)
		}
	}
}

func TestMetricsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range llamacpp.Metrics() {
		assert.False(t, seen[m.Name], m.Name)
		seen[m.Name] = true
		assert.True(t, strings.HasPrefix(m.Name, "llamacpp:"))
		assert.NotEmpty(t, m.Help)
		assert.NotContains(t, m.Help, "\n", "a help line")
	}
	assert.Len(t, seen, 15)
}

func TestALimitHoldsAndOneMoreIsAnError(t *testing.T) {
	list := func(element string, n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
	}
	for name, tc := range map[string]struct {
		most     int
		endpoint string
		body     func(n int) string
		says     string
	}{
		"choices":       {api.MaxChoices, "completion", func(n int) string { return fmt.Sprintf(`{"prompt": "a", "n_cmpl": %d}`, n) }, "n_cmpl: 17 is not between 1 and 16"},
		"probabilities": {api.MaxTopLogprobs, "completion", func(n int) string { return fmt.Sprintf(`{"prompt": "a", "n_probs": %d}`, n) }, "n_probs: 21 is not between 0 and 20"},
		"fields":        {256, "completion", func(n int) string { return `{"prompt": "a", "response_fields": ` + list(`"a"`, n) + `}` }, "response_fields: has 257 elements"},
		"prompts":       {api.MaxPrompts, "completion", func(n int) string { return `{"prompt": ` + list(`"a"`, n) + `}` }, "prompt: has 129 elements"},
		"parts":         {api.MaxParts, "tokenize", func(n int) string { return `{"content": ` + list(`"a"`, n) + `}` }, "content: has more than 1024 texts"},
		"inputs":        {api.MaxInputs, "embedding", func(n int) string { return `{"content": ` + list(`"a"`, n) + `}` }, "content: has 2049 elements"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := endpoints[tc.endpoint]([]byte(tc.body(tc.most)))
			require.NoError(t, err)
			_, err = endpoints[tc.endpoint]([]byte(tc.body(tc.most + 1)))
			assert.ErrorContains(t, err, tc.says)
		})
	}
}
