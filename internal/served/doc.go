// Package served starts HTTP servers of language models as child processes, asks them as OpenAI's clients do, and takes the time of
// everything they send. It is for scripts and works with Gosling's server and with llama.cpp's.
package served
