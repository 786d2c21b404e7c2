package api

// The limits of a request. The decoders enforce all but MaxBody, which whoever reads the body enforces.
const (
	MaxBody        = 8 << 20 // bytes of a body without a state in it
	MaxDepth       = 64      // nested objects and arrays
	MaxFields      = 2048    // of an object
	MaxMessages    = 4096    // of a chat
	MaxParts       = 1024    // of the content of one message; texts and runs of token ids in one prompt
	MaxCalls       = 128     // function calls in one message
	MaxTools       = 256     // functions that an answer may call
	MaxPrompts     = 128     // of one request for completions
	MaxInputs      = 2048    // of one request for embeddings
	MaxChoices     = 16      // for one prompt
	MaxStops       = 32      // stop strings
	MaxStopBytes   = 256     // of one stop string
	MaxBiases      = 1024    // tokens in logit_bias
	MaxTopLogprobs = 20      // likeliest tokens told for each token
	MaxSalt        = 256     // bytes of cache_salt
)
