// Package responses reads and writes the messages of OpenAI's responses, where the server keeps a conversation. Package api says how strictly
// requests are read, and writes errors.
//
// DecodeCreate decodes a request. A conversation is a list of Items, which Messages turns into the messages of a prompt. A Stream makes the
// Response as its texts come, and encodes the events that tell of it; a response that is not streamed is made by a Stream whose events nobody
// reads. A Record is a response as it is kept.
//
// Limits: text only. Items of the server's own tools, such as searches, are errors.
package responses
