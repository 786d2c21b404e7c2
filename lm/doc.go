// Package lm opens a language model ready to use. Open opens the model file and ggml's library, and finds the tokenizer, the
// prompt template and the sampling defaults.
//
//	model, err := lm.Open(ctx, "rwkv7-g1-Q4_K_M.gguf", lm.Options{})
//
// Generate streams a text. Conversation keeps a chat in a state that can be saved and forked. Embed turns texts into vectors. For
// more control use package engine: a Model embeds an engine.Model.
package lm
