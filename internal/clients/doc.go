// Package clients holds tests in which the clients that people use ask "gosling serve". It is a module of its own, so that no client
// library enters the program's. "make clients" runs it; docs/clients.md lists the clients.
package clients
