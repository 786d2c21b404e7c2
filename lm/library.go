package lm

import (
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/kernels"
)

// Library is an open ggml library, which computes models and encodes quantized weights.
type Library = ggml.Library

// The errors of opening the libraries and of computing with them. FolderError names a folder that holds no libraries. ThreadsError
// tells that the system has too few threads left. DeviceError names a device that cannot be opened, DeviceMemoryError one whose
// memory is too small for the model.
type (
	FolderError       = ggml.FolderError
	ThreadsError      = ggml.ThreadsError
	DeviceError       = ggml.DeviceError
	DeviceMemoryError = engine.DeviceMemoryError
)

// KernelsError names a value of Options.Kernels that is unknown.
type KernelsError = kernels.SettingError

// ErrNoLibrary is wrapped by the error of Open if ggml's libraries are in none of the usual places.
var ErrNoLibrary = ggml.ErrNotFound
