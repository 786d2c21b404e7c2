// Package keys knows who may use a server, what for, and how much of it.
//
// A key is a secret of 256 random bits that a client sends. The server keeps the SHA-256 of it only. A Tenant is whoever holds a key: it
// has a name, permissions and limits.
package keys
