// Gosling runs RWKV language models: it converts, quantizes, measures and talks with them. The command is package cli; the library
// is the packages beside it, of which lm is where to start (docs/library.md).
//
// # Compatibility
//
// The module is at v0. Until v1 a minor version may change the API of any package, and CHANGELOG.md says how; a patch version does
// not. Files stay readable: what one version writes (GGUF models, states, importance matrices, answers), later ones read or refuse
// with an error that says what to do. Flags and output formats of the command change only in minor versions. Packages under
// internal, ggml/ggmltest, ggml/probe and rwkv/rwkvtest are not for others and may change at any time.
package main
