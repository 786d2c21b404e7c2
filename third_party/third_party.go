// Package thirdparty holds npm's lock files of ggml's prebuilt libraries, so that the program can fetch what they pin.
package thirdparty

import _ "embed"

// The lock files: libraries for the CPU (with Metal on Apple silicon), with Vulkan and with CUDA.
var (
	//go:embed package-lock.json
	CPU []byte
	//go:embed vulkan/package-lock.json
	Vulkan []byte
	//go:embed cuda/package-lock.json
	CUDA []byte
)
