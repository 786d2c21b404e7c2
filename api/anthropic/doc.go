// Package anthropic reads and writes the messages of Anthropic's HTTP interface: messages, the counting of their tokens, models and errors.
// Package api says how strictly requests are read.
//
// DecodeMessage decodes a request, and EncodeMessage encodes the response. A Stream encodes the events of a response that is streamed.
//
// Thoughts are signed, because clients expect it. Nobody checks the signature when the thoughts come back: no prompt has earlier thoughts,
// so changed ones have no effect.
//
// Limits: text only. Images and documents are errors.
package anthropic
