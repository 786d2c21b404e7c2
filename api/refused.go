package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// refused lists fields that would change the answer and cannot be honoured, with the numbers that ask for nothing. null, false and empty
// values ask for nothing too. A field that a dialect reads is not refused.
var refused = map[string][]float64{
	// other samplers
	"repeat_penalty": {1}, "repetition_penalty": {1}, "typical_p": {1}, "tfs_z": {1}, "mirostat": {0}, "mirostat_mode": {0},
	"xtc_probability": {0}, "dry_multiplier": {0}, "dynatemp_range": {0}, "top_n_sigma": {-1, 0}, "top_a": {0}, "adaptive_target": {-1},
	"min_tokens": {0}, "min_keep": {0}, "length_penalty": {1}, "use_beam_search": nil, "bad_words": nil, "stop_token_ids": nil, "lora": nil, "prompt_logprobs": {0},
	// limits that depend on time or on the text
	"t_max_predict_ms": {-1, 0}, "t_max_prompt_ms": {-1, 0}, "n_indent": {0},
	// constrained output
	"grammar": nil, "json_schema": nil, "response_format": nil, "guided_json": nil, "guided_regex": nil, "guided_choice": nil, "guided_grammar": nil,
	"structured_outputs": nil,
	// prompts and thoughts
	"chat_template": nil, "documents": nil, "think_budget": {-1}, "reasoning_budget": {-1}, "reasoning_budget_tokens": {-1}, "thinking_token_budget": {-1},
}

// harmless lists fields that change no text and no number of a response: those about billing and storing, those that tune what is switched
// off, and those about contexts that are shifted, which RWKV does not need. They are read by nobody and not reported.
var harmless = []string{"user", "metadata", "store", "service_tier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
	"safety_identifier", "prediction", "parallel_tool_calls", "id_slot", "backend_sampling",
	"dynatemp_exponent", "xtc_threshold", "dry_base", "dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers", "mirostat_tau", "mirostat_eta",
	"adaptive_decay", "n_keep", "n_discard", "n_cache_reuse"}

// asksFor reports whether the value of a field asks for something.
func asksFor(value json.RawMessage, neutral ...float64) bool {
	switch string(bytes.Join(bytes.Fields(value), nil)) {
	case "", "null", "false", `""`, "[]", "{}":
		return false
	}
	n, err := strconv.ParseFloat(string(value), 64)
	return err != nil || !slices.Contains(neutral, n)
}

// plain is a field's name that can stand in a header.
var plain = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// mostIgnored is how many ignored fields are told.
const mostIgnored = 32

// Finish refuses what would change the answer, and returns the ignored fields. Call it when all fields that are honoured were read. It
// returns the first error of the request, if there was one.
func (o *Object) Finish() (ignored []string, err error) {
	for _, field := range slices.Sorted(maps.Keys(o.fields)) {
		neutral, isRefused := refused[field]
		switch {
		case o.read[field], slices.Contains(harmless, field):
		case isRefused && asksFor(o.fields[field], neutral...):
			o.Fail(Unsupportedf(field, "is not supported: leave it out"))
		case isRefused:
		case plain.MatchString(field) && string(o.fields[field]) != "null":
			ignored = append(ignored, field)
		}
	}
	if o.Failed() {
		return nil, *o.err
	}
	return ignored[:min(len(ignored), mostIgnored)], nil
}
