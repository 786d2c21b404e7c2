package llamacpp

// Metric describes a number that /metrics tells.
type Metric struct {
	Name  string
	Gauge bool // it may fall; a counter never does
	Help  string
}

// The names of llama.cpp's metrics.
const (
	PromptTokens      = "llamacpp:prompt_tokens_total"
	PromptCached      = "llamacpp:prompt_tokens_cached_total"
	PromptSeconds     = "llamacpp:prompt_seconds_total"
	Predicted         = "llamacpp:tokens_predicted_total"
	PredictedSeconds  = "llamacpp:tokens_predicted_seconds_total"
	Decodes           = "llamacpp:n_decode_total"
	LongestText       = "llamacpp:n_tokens_max"
	DraftTokens       = "llamacpp:spec_decode_num_draft_tokens_total"
	AcceptedTokens    = "llamacpp:spec_decode_num_accepted_tokens_total"
	Drafts            = "llamacpp:spec_decode_num_drafts_total"
	PromptSpeed       = "llamacpp:prompt_tokens_seconds"
	PredictedSpeed    = "llamacpp:predicted_tokens_seconds"
	Running           = "llamacpp:requests_processing"
	Waiting           = "llamacpp:requests_deferred"
	TextsInEachDecode = "llamacpp:n_busy_slots_per_decode"
)

// Metrics returns llama.cpp's metrics in its order, with the types that it gives them.
func Metrics() []Metric {
	return []Metric{
		{PromptTokens, false, "Tokens of prompts that were read. Tokens from the cache do not count."},
		{PromptCached, false, "Tokens of prompts that were found in the cache."},
		{PromptSeconds, false, "Time in which prompts were read."},
		{Predicted, false, "Tokens that were generated."},
		{PredictedSeconds, false, "Time in which tokens were generated."},
		{Decodes, false, "Computations of the model, each for one or more texts."},
		{LongestText, false, "Tokens of the longest prompt with its answer."},
		{DraftTokens, false, "Always 0: there are no drafts."},
		{AcceptedTokens, false, "Always 0: there are no drafts."},
		{Drafts, false, "Always 0: there are no drafts."},
		{PromptSpeed, true, "Tokens of prompts read in a second, on average since the last look."},
		{PredictedSpeed, true, "Tokens generated in a second, on average since the last look."},
		{Running, true, "Requests that are computed."},
		{Waiting, true, "Requests that wait for a place."},
		{TextsInEachDecode, true, "Texts in a computation, on average."},
	}
}

// StartHeader is the header of a response with metrics that tells when the process began, in seconds since 1970.
const StartHeader = "Process-Start-Time-Unix"
