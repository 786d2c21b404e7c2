// Package server answers HTTP requests.
//
// The table in routes.go lists every route: what it needs (a permission, a body) and its handler. What holds for all requests is done
// around the handlers: Host and Origin, keys, limits, sizes and times, errors, metrics and the access log. A handler turns one call into
// one answer or one stream.
package server
