// Package kernels multiplies packed matrices with columns of activations on the CPU. It also has two functions of the models that
// need many of ggml's operations: Shift and Middle7.
//
// The kernels are Go assembly. The command in the folder gen writes it, and CI checks that the committed files are what gen writes.
// ggml's threads run the kernels as custom operations: Entry is the C function that ggml calls, and a Call is the argument that ggml
// passes to it. No Go code runs there. Multiply runs the same kernels on a goroutine.
//
// Calls owns the calls of one graph and the memory that they share.
//
// Matrices are packed from the rows of a GGUF file (see Matrix.Pack; layout.go draws the layouts). The types Q4_K, Q5_K, Q6_K, Q8_0,
// Q4_0, F16, BF16 and F32 have kernels. F16, BF16 and F32 are multiplied with columns of floats. For the other types the columns are
// first rounded to bytes, as ggml does: in blocks of 256 for the types ending in K, in blocks of 32 for Q8_0 and Q4_0. One thread
// computes each element of a result, and always adds up in the same order. So the bits of a result depend neither on the number of
// columns nor on the number of threads.
//
// A Level is a set of instructions that a processor may have. Two levels may give float results that differ in their last bits.
//
// Limits: there are no kernels for processors without AVX2, FMA and F16C, or for other architectures than amd64. The kernels check
// nothing: a Call checks sizes when it is made, and its caller must keep the memory alive while it runs.
package kernels

//go:generate go -C gen run . -pkg kernels -out ../functions_amd64.s -stubs ../functions_amd64.go -names ../names_amd64.go
