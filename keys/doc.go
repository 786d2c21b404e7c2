// Package keys knows who may use a server, what for, and how much of it.
//
// A key is a secret of 256 random bits that a client sends with its requests. A key file has a line for each key:
//
//	# name hash permissions limits
//	alice sha256:9f86d0...0a08 infer,states requests=60,tokens=20000,running=4,priority=2
//	bob sha256:60303a...e752 infer -
//
// The file holds the SHA-256 of the secrets, so whoever reads it cannot use the keys. Because a secret is random, no slower hash is needed.
// Make makes a key, Read, Add and Remove work on a file, and a Ring finds the Tenant of a secret while a server runs.
//
// Limits: a file has at most 1 MiB and 10,000 keys.
package keys
