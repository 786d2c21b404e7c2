// Package lm opens a language model ready to use. One call opens the model file, the library that computes it, the tokenizer, the
// prompt template and the default sampling.
//
//	model, err := lm.Open(ctx, "rwkv7-g1-Q4_K_M.gguf", lm.Options{})
//
// Generate streams a text. Conversation keeps a chat in a state that can be saved and forked. Embed turns texts into vectors. For
// more control use package engine: a Model embeds an engine.Model.
package lm
