// Package lm is a language model ready to use: the file, the library that computes it, its tokenizer, the format of prompts that
// it was trained on and how its answers are drawn, opened by one call.
//
//	model, err := lm.Open(ctx, "rwkv7-g1-Q4_K_M.gguf", lm.Options{})
//
// Generate streams a text, Conversation keeps what was said in a state that can be saved and forked, Embed turns texts into
// vectors. For more control, use package engine: a Model embeds one.
package lm
