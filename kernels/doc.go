// Package kernels computes the operations of the models on the CPU: products with packed matrices, the recurrences of all versions, norms,
// token shifts, elementwise functions and copies.
//
// The kernels are Go assembly. The command in the folder gen writes it, and CI checks that the committed files are what gen writes. A Call
// is a kernel with its operands, cut into pieces that any thread may compute. Calls owns the calls of one graph and the memory that they share.
// There are two ways to run them:
//
//   - ggml's threads run a call as a custom operation of a graph. Entry returns the C function that ggml calls, and the call is its
//     argument. No Go code runs on ggml's threads.
//   - A Program is a list of calls that need no operation of ggml between them. The goroutines of a Crew run it. They never wait for each
//     other, only for pieces.
//
// Matrices are packed from the rows of a GGUF file (see Matrix.Pack; layout.go draws the layouts). The types Q4_K, Q5_K, Q6_K, Q8_0,
// Q4_0, F16, BF16 and F32 have kernels. F16, BF16 and F32 are multiplied with columns of floats. For the other types the columns are
// first rounded to bytes in blocks, as ggml does. A block has 256 values for the types ending in K, and 32 for Q8_0 and Q4_0. A single
// thread adds up each element of a result, always in the same order. So the bits of a result do not depend on the number of columns or on
// the number of threads. That holds for the other kernels, too.
//
// A Level is a set of instructions that a processor may have. Two levels may give float results that differ in their last bits.
//
// Limits: kernels exist only for amd64, and only for processors with AVX2, FMA and F16C. The kernels themselves check nothing. Sizes are
// checked when a Call is made. The caller must keep all memory alive while a Call runs.
package kernels

//go:generate go -C gen run . -pkg kernels -out ../functions_amd64.s -stubs ../functions_amd64.go -names ../names_amd64.go
