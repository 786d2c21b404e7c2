// Package kernels multiplies packed matrices with columns of activations on the CPU, with code of our own. It also has two functions of
// the models that need many of ggml's operations: Shift and Middle7.
//
// The code is Go assembly. The command in the folder gen writes it, and CI checks that the committed files are what it writes. It
// runs as custom operations on ggml's threads: Entry is the C function that ggml calls, a Call is what it is given. No Go code runs
// then. Multiply runs the same code on a goroutine.
//
// Calls owns the calls of one graph and the memory that they share.
//
// Matrices are packed from the rows of a GGUF file: see Matrix, and layout.go for the layouts. Types Q4_K, Q5_K, Q6_K, Q8_0, Q4_0,
// F16, BF16 and F32 have kernels. Columns are multiplied as floats with F16, BF16 and F32, and rounded to bytes with the others, as
// ggml does: in blocks of 256 for types whose blocks have 256 weights, in blocks of 32 for the rest. Each element of a result is
// computed by one thread in one order of sums, so its bits depend neither on the number of columns nor on the number of threads.
//
// A Level is a set of instructions that the code needs. Levels of one processor may give results of different bits in float types.
//
// Layouts and code are our own. The formats of the types in files are those of GGUF.
//
// Limits: processors without AVX2, FMA and F16C, and those that are not amd64, have no level. Kernels check nothing: a Call checks
// sizes when it is made, and whoever runs it must keep its memory alive.
package kernels

//go:generate go -C gen run . -pkg kernels -out ../functions_amd64.s -stubs ../functions_amd64.go -names ../names_amd64.go
