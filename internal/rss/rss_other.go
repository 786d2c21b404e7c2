//go:build !unix

package rss

// Peak returns 0, because these systems do not tell the largest resident set.
func Peak() int64 { return 0 }

// Reset reports false: the peak cannot begin anew.
func Reset() bool { return false }
