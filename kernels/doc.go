// Package kernels multiplies packed matrices with columns of activations on the CPU. It also computes two steps of the models, Shift
// and Middle7. With ggml alone each of these steps takes many operations.
//
// The kernels are Go assembly. The command in the folder gen writes it, and CI checks that the committed files are what gen writes.
// ggml's threads run the kernels as custom operations. Entry returns the C function that ggml calls. A Call is the argument that ggml
// passes to it. No Go code runs on ggml's threads. Multiply runs the same kernels on a goroutine.
//
// Calls owns the calls of one graph and the memory that they share.
//
// Matrices are packed from the rows of a GGUF file (see Matrix.Pack; layout.go draws the layouts). The types Q4_K, Q5_K, Q6_K, Q8_0,
// Q4_0, F16, BF16 and F32 have kernels. F16, BF16 and F32 are multiplied with columns of floats. For the other types the columns are
// first rounded to bytes in blocks, as ggml does. A block has 256 values for the types ending in K, and 32 for Q8_0 and Q4_0. A single
// thread adds up each element of a result, always in the same order. So the bits of a result do not depend on the number of columns or on
// the number of threads.
//
// A Level is a set of instructions that a processor may have. Two levels may give float results that differ in their last bits.
//
// Limits: kernels exist only for amd64, and only for processors with AVX2, FMA and F16C. The kernels themselves check nothing. Sizes are
// checked when a Call is made. The caller must keep all memory alive while a Call runs.
package kernels

//go:generate go -C gen run . -pkg kernels -out ../functions_amd64.s -stubs ../functions_amd64.go -names ../names_amd64.go
