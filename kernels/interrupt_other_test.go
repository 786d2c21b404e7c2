//go:build !unix

package kernels_test

// interrupt does nothing: the system has no signals.
func interrupt(<-chan struct{}) {}
