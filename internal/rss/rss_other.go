//go:build !unix

package rss

// Peak is the largest resident set of the process so far in bytes; 0 where the system does not tell, as here.
func Peak() int64 { return 0 }
