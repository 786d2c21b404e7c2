// Package openai reads and writes the messages of OpenAI's HTTP interface: chat completions, completions, embeddings, models and errors.
// It only turns bytes into values and values into bytes. It knows nothing of HTTP servers and holds no model.
//
// Each endpoint has a function that decodes a request and one that encodes the response; what is streamed has a third, which encodes a
// chunk. Event frames a chunk for server-sent events, and Done ends the stream.
//
// Decoding is strict. A value of a wrong type or out of range is an Error that names the field. A field that would change the answer, and
// that cannot be honoured, is an Error too, unless its value asks for nothing. Other fields are ignored, as clients expect. Ignored lists
// those that a client may have meant to matter. The decoded request takes memory in proportion to the body. The caller bounds the body
// (see MaxBody).
//
// Limits: text only, no function calls and no constrained output.
package openai
