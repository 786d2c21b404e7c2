package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
)

// ServeDebug serves the profiles of the process under /debug/pprof/ until ctx ends. The listener must be on a loopback address. It closes
// the listener.
func ServeDebug(ctx context.Context, l net.Listener) error {
	if !loopback(l.Addr()) {
		l.Close()
		return fmt.Errorf("profiles are served on loopback addresses only, not on %s", l.Addr())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound) // it may hold paths
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	s := &Server{}
	h := &http.Server{ReadHeaderTimeout: usual.header, IdleTimeout: usual.idle, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := (&call{s: s, r: r}).checkHost(); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})}
	return until(ctx, h, func(context.Context) error { return nil }, func() {}, usual.end, []net.Listener{l})
}
