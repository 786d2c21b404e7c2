// Gosling converts, quantizes, runs and measures RWKV language models. Package cli is the command. The other packages are the
// library. Start with package lm (docs/library.md).
//
// # Compatibility
//
// The module is at v0. Until v1 a minor version may change the API of any package, and CHANGELOG.md says how. A patch version
// does not change it. A file that one version writes (GGUF models, states, importance matrices, answers) is either read by later
// versions, or refused with an error that says what to do. Flags and output formats of the command change only in minor versions.
// Packages under internal, ggml/ggmltest, ggml/probe and rwkv/rwkvtest are not for other modules and may change at any time.
package main
