// Package api holds what the dialects of the HTTP interface share. Each dialect is a package below: it decodes requests and encodes
// responses, and imports this package and no other dialect. None knows HTTP servers or holds a model.
//
// Parse reads a request's body into an Object, whose methods read its fields. Options, Conversation and Prompts read groups of fields that
// several endpoints have. Finish ends the reading.
//
// Reading is strict. A value of a wrong type or out of range is an Error that names the field. A field that would change the answer, and
// that cannot be honoured, is an Error too, unless its value asks for nothing. Other fields are ignored, as clients expect. Finish lists
// those that a client may have meant to matter. What is read takes memory in proportion to the body. The caller bounds the body (see
// MaxBody).
//
// Limits: text only.
package api
