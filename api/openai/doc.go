// Package openai reads and writes the messages of OpenAI's HTTP interface: chat completions, completions, embeddings and models. Package api
// says how strictly requests are read, and writes errors.
//
// Each endpoint has a function that decodes a request and one that encodes the response; what is streamed has a third, which encodes a
// chunk. api.Event frames a chunk for server-sent events, and api.Done ends the stream.
package openai
