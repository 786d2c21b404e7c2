// Package llamacpp reads and writes the messages of llama.cpp's server: completions, tokens, templates, embeddings, properties, slots and the
// names of metrics. Package api says how strictly requests are read, and writes errors.
//
// Each endpoint has a function that decodes a request and one that encodes the response. The stream of a completion is a chunk for each
// piece of the text, and then the response itself. No api.Done follows.
//
// What llama.cpp has and RWKV does not need, such as a context that is shifted, is accepted. What would change the text is an error.
package llamacpp
