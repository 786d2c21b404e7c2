// Package layers tests which package may import which. It has no code of its own.
package layers
