package api

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Options is what all generating requests have in common.
type Options struct {
	Model    string // as the client names it; may be empty
	Sampling Sampling
	Stop     []string // none is empty
	Limit    *int     // the most tokens of an answer; 0 only reads the prompt; nil if the client names none
	Choices  int      // how many answers, at least 1
	Seed     *uint64  // nil asks for a random one
	Logprobs *int     // tell the probability of each token, and of so many of the likeliest at its place; nil tells none
	Sampled  bool     // the probabilities are of the distribution that tokens are drawn from, see Token.Sampled

	Form        *grammar.Part // what a text must look like, or an answer in words; nil is any text
	IgnoreEnd   *bool         // the model may not end the text [as the server's operator wants]
	Stream      bool
	StreamUsage bool // the last chunk of a stream has the usage
	Timings     bool // every chunk has the timings
	Verbose     bool // the response tells how it came about
	Progress    bool // a stream tells how much of the prompt was read

	State       *State // what the text begins with; nil is the model's own beginning
	SaveState   string // a name for the state after the text, or empty
	ReturnState Return
	Cache       Cache
	CacheSalt   string // divides the client's cache
	Exact       bool   // the answer may not depend on what else is computed

	// Ignored lists fields that are not honoured, in order. A client may have meant them to matter.
	Ignored []string
}

// State is a state that a text begins with: one that the server keeps, or a state's bytes. Names are checked where states are kept.
type State struct {
	Name string
	Data []byte
}

// Return is how the state after a text is given back.
type Return string

// The ways.
const (
	ReturnNothing Return = ""
	ReturnID      Return = "id"     // kept for a while under an id
	ReturnData    Return = "base64" // in the response
)

// Cache is what a request does with the cache of states.
type Cache int

// The uses.
const (
	UseCache  Cache = iota // read and fill
	ReadCache              // read only
	NoCache
)

// Sampling is how tokens are chosen. What is nil follows the model.
type Sampling struct {
	Temperature, TopP, MinP                         *float64
	PresencePenalty, FrequencyPenalty, PenaltyDecay *float64
	TopK                                            *int
	Bias                                            []Bias
}

// Bias is a number to add to the logit of a token. -Inf bans the token.
type Bias struct {
	Token string // a token's id or a text, whose tokens all have the bias
	Value float64
}

// Over returns the model's own options with what the request says in their place. v is the model's tokenizer. A bias for a token that the
// vocabulary does not have is an *Error. Seed and Banned are left to the caller.
func (s Sampling) Over(own sampler.Options, v tokenizer.Tokenizer) (sampler.Options, error) {
	Set(&own.Temperature, s.Temperature)
	Set(&own.TopP, s.TopP)
	Set(&own.MinP, s.MinP)
	Set(&own.PresencePenalty, s.PresencePenalty)
	Set(&own.FrequencyPenalty, s.FrequencyPenalty)
	Set(&own.PenaltyDecay, s.PenaltyDecay)
	Set(&own.TopK, s.TopK)
	if len(s.Bias) == 0 {
		return own, nil
	}
	own.Logits = maps.Clone(own.Logits)
	if own.Logits == nil {
		own.Logits = map[tokenizer.Token]float64{}
	}
	for _, b := range s.Bias {
		tokens, err := b.tokens(v)
		if err != nil {
			return own, Invalidf("logit_bias", "%v", err)
		}
		for _, token := range tokens {
			sum := min(own.Logits[token]+b.Value, maxBias)
			if !math.IsInf(sum, -1) {
				sum = max(sum, -maxBias)
			}
			own.Logits[token] = sum
		}
	}
	return own, nil
}

// tokens returns the token, or the tokens of a text that consists of several.
func (b Bias) tokens(v tokenizer.Tokenizer) ([]tokenizer.Token, error) {
	one, err := sampler.ParseToken(v, b.Token)
	if err == nil {
		return []tokenizer.Token{one}, nil
	}
	if _, isID := strconv.Atoi(b.Token); isID == nil || v == nil {
		return nil, err
	}
	tokens, encodeErr := v.Encode([]byte(b.Token))
	if encodeErr != nil || len(tokens) == 0 {
		return nil, err
	}
	return tokens, nil
}

// Set replaces a value if there is another one.
func Set[T any](value, by *T) {
	if by != nil {
		*value = *by
	}
}

// The bounds of numbers. They are those of package sampler, where that has some.
const (
	maxTemperature = 1e6
	maxPenalty     = 1e6
	maxBias        = 1e6
)

// Options reads the fields that all generating requests have. Limit and Logprobs are left to the caller, since dialects name them differently.
func (o *Object) Options() Options {
	r := Options{Choices: 1, Sampling: o.sampling(), Stop: o.Stops("stop")}
	Set(&r.Model, o.Text("model"))
	Set(&r.Choices, o.Count("n", 1, MaxChoices))
	// -1 asks for a random seed in most programs that run local models.
	if seed := o.whole("seed", math.MinInt64, math.MaxInt64); seed != nil && *seed != -1 {
		s := uint64(*seed)
		r.Seed = &s
	}
	r.IgnoreEnd, r.Stream = o.Flag("ignore_eos"), o.Is("stream")
	r.Timings, r.Progress, r.Exact = o.Is("timings_per_token"), o.Is("return_progress"), o.Is("deterministic")
	r.Verbose, r.Sampled = o.Is("verbose"), o.Is("post_sampling_probs")
	r.Form = o.Form()
	o.samplers()
	if stream := o.Object("stream_options"); stream != nil {
		r.StreamUsage = stream.Is("include_usage")
	}
	o.states(&r)
	return r
}

func (o *Object) sampling() Sampling {
	s := Sampling{
		Temperature: o.Number("temperature", 0, maxTemperature), TopP: o.Number("top_p", 0, 1), MinP: o.Number("min_p", 0, 1),
		PresencePenalty:  o.Number("presence_penalty", -maxPenalty, maxPenalty),
		FrequencyPenalty: o.Number("frequency_penalty", -maxPenalty, maxPenalty),
		PenaltyDecay:     o.Number("penalty_decay", 0, 1),
		TopK:             o.Count("top_k", -1, math.MaxInt32), Bias: o.biases(),
	}
	if s.TopK != nil {
		*s.TopK = max(0, *s.TopK) // -1 keeps all tokens in other programs
	}
	return s
}

// ours are the samplers that may not be left out, with llama.cpp's letters.
var ours = map[string]string{"top_k": "k", "top_p": "p", "min_p": "m", "temperature": "t"}

// samplers looks at llama.cpp's order of samplers, as names or letters. The order is RWKV's own, so it is ignored. A sampler that is left
// out would act all the same, so that is an error.
func (o *Object) samplers() {
	value := o.Value("samplers")
	if !asksFor(value) {
		return
	}
	names := o.Texts("samplers", 64)
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		listed := slices.Contains(names, name) || TypeOf(value) == "a string" && len(names) > 0 && strings.Contains(names[0], ours[name])
		if !listed {
			o.Fail(Unsupportedf("samplers", "does not list %s, which cannot be left out: set %s to a value that changes nothing", name, name))
		}
	}
	delete(o.read, "samplers") // so that it is reported
}

// biases reads an object from tokens to numbers, or llama.cpp's array of pairs, where false bans a token. A bias of 0 is left out.
func (o *Object) biases() []Bias {
	value := o.Value("logit_bias")
	if value == nil {
		return nil
	}
	var list []Bias
	switch TypeOf(value) {
	case "an object":
		if !o.atMost("logit_bias", value, MaxBiases) {
			return nil
		}
		fields := o.Object("logit_bias")
		for _, token := range slices.Sorted(maps.Keys(fields.fields)) {
			if n := fields.Number(token, -maxBias, maxBias); n != nil {
				list = append(list, Bias{token, *n})
			}
		}
	case "an array":
		pairs, each := o.List("logit_bias", MaxBiases)
		for i, pair := range pairs {
			list = append(list, o.pair(each(i), pair))
		}
	default:
		o.Wrong("logit_bias", "an object from tokens to numbers", value)
	}
	return slices.DeleteFunc(list, func(b Bias) bool { return b.Value == 0 })
}

// pair reads a token, by id or text, and its bias.
func (o *Object) pair(path string, value json.RawMessage) (b Bias) {
	var two []any
	if json.Unmarshal(value, &two) != nil || len(two) != 2 {
		o.Fail(Invalidf(path, "want a token and its bias, such as [15043, 1]"))
		return b
	}
	switch token := two[0].(type) {
	case string:
		b.Token = token
	case float64:
		if token != math.Trunc(token) || token < 0 || token > math.MaxInt32 {
			o.Fail(Invalidf(path, "%v is not a token's id", token))
		}
		b.Token = strconv.FormatFloat(token, 'f', -1, 64)
	default:
		o.Fail(Invalidf(path, "want a token's id or its text first"))
	}
	switch bias := two[1].(type) {
	case float64:
		if b.Value = bias; !(math.Abs(bias) <= maxBias) {
			o.Fail(Invalidf(path, "the bias %v is not between %v and %v", bias, -maxBias, maxBias))
		}
	case bool:
		if b.Value = math.Inf(-1); bias {
			o.Fail(Invalidf(path, "want a number, or false to ban the token"))
		}
	default:
		o.Fail(Invalidf(path, "want a number, or false to ban the token, behind it"))
	}
	return b
}

// Stops reads the stop strings in a field. Empty ones stop nothing and are left out, as in other servers.
func (o *Object) Stops(field string) []string {
	stops := slices.DeleteFunc(o.Texts(field, MaxStops), func(stop string) bool { return stop == "" })
	for _, stop := range stops {
		if len(stop) > MaxStopBytes {
			o.Fail(Invalidf(field, "a stop string of %d bytes, %d are the most", len(stop), MaxStopBytes))
		}
	}
	return stops
}

// Limit reads the most tokens of an answer, which has several names. -1 means no limit in other programs.
func (o *Object) Limit(fields ...string) *int {
	var limit *int
	var first string
	for _, field := range fields {
		n := o.Count(field, -1, math.MaxInt32)
		if n == nil || *n < 0 {
			continue
		}
		if limit != nil && *limit != *n {
			o.Fail(Invalidf(field, "is %d, but %s is %d: leave one of them out", *n, first, *limit))
		}
		limit, first = n, field
	}
	return limit
}

// states reads the fields about states and their cache.
func (o *Object) states(r *Options) {
	switch value := o.Value("state"); {
	case value == nil:
	case TypeOf(value) == "a string":
		r.State = &State{Name: *o.Text("state")}
	default:
		r.State = o.stateData()
	}
	Set(&r.SaveState, o.Text("save_state"))
	if way := o.Text("return_state"); way != nil {
		if r.ReturnState = Return(*way); r.ReturnState != ReturnID && r.ReturnState != ReturnData {
			o.Fail(Invalidf("return_state", `want "id" or "base64"`))
		}
	}
	if salt := o.Text("cache_salt"); salt != nil {
		if r.CacheSalt = *salt; len(*salt) > MaxSalt {
			o.Fail(Invalidf("cache_salt", "has %d bytes, %d are the most", len(*salt), MaxSalt))
		}
	}
	o.cache(r)
}

// stateData reads a state's bytes.
func (o *Object) stateData() *State {
	inner := o.Object("state")
	text := inner.Text("data")
	if text == nil {
		o.Fail(Invalidf("state", `want a state's name, or {"data": "..."} with its bytes in base64`))
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(*text)
	if err != nil {
		o.Fail(Invalidf("state.data", "not base64: %v", err))
	}
	return &State{Data: data}
}

// cache reads true, false or "read". cache_prompt is llama.cpp's name for it.
func (o *Object) cache(r *Options) {
	if use := o.Flag("cache_prompt"); use != nil && !*use {
		r.Cache = NoCache
	}
	switch value := o.Value("cache"); string(value) {
	case "":
	case "true":
		r.Cache = UseCache
	case "false":
		r.Cache = NoCache
	case `"read"`:
		r.Cache = ReadCache
	default:
		o.Fail(Invalidf("cache", `want true, false or "read"`))
	}
}
