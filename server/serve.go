package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// Serve answers the requests of the listeners, and closes them at its end. The end of ctx begins the draining: new requests are refused,
// and running ones have Options.Drain. Those that still run then are cancelled. Serve returns nil once all have ended. It is called once.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	h := &http.Server{
		Handler:           s.Handler(),
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connection{}, c) },
		ReadHeaderTimeout: s.times.header,
		IdleTimeout:       s.times.idle,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: s.times.write},
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug), // what clients do wrong
	}
	if s.tls != nil {
		h.TLSConfig = s.tls.config()
	}
	open := newConnections(s.o.MaxConns)
	h.ConnState = open.changed
	h.RegisterOnShutdown(open.closeWaiting)
	work := func(context.Context) error { return nil }
	if s.o.Load != nil {
		work = s.load
	}
	for _, l := range listeners {
		if err := s.o.Check(l.Addr()); err != nil {
			closeAll(listeners)
			return err
		}
		s.warn(l.Addr())
	}
	return until(ctx, h, work, s.drain, s.times.end, listeners)
}

// ErrOpen is wrapped by the error of an address at which everyone could use the server.
var ErrOpen = errors.New("not a loopback address: other machines could use the server without a key")

// Check returns an error that wraps ErrOpen if the server needs keys, or Options.Insecure, before it may listen at an address.
func (o Options) Check(address net.Addr) error {
	if o.Keys == nil && !o.Insecure && !loopback(address) {
		return fmt.Errorf("%s: %w", address, ErrOpen)
	}
	return nil
}

// Listen opens a port at several hosts, and adds their names to Hosts. Port 0 is a free one, the same at all hosts if it can be. Errors of
// hosts that Check does not allow wrap ErrOpen.
func (o *Options) Listen(hosts []string, port int) ([]net.Listener, error) {
	var all []net.Listener
	for _, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			all = append(all, l)
			if o.Check(l.Addr()) != nil {
				err = fmt.Errorf("%s: %w", host, ErrOpen)
			}
		}
		if err != nil {
			closeAll(all)
			return nil, err
		}
		o.Hosts, port = append(o.Hosts, host), l.Addr().(*net.TCPAddr).Port
	}
	return all, nil
}

func loopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// warn tells of what is open to other machines.
func (s *Server) warn(address net.Addr) {
	switch {
	case loopback(address):
	case s.o.Keys == nil:
		s.o.Log.Warn("no key is needed: every machine that reaches this address can use the server", "address", address.String())
	case s.tls == nil:
		s.o.Log.Warn("keys arrive without TLS: others on the network can read them", "address", address.String())
	}
}

// until serves the listeners and calls work, until ctx ends or one of them fails. Then it calls drain, and closes what is left after the
// time end.
func until(ctx context.Context, h *http.Server, work func(context.Context) error, drain func(), end time.Duration, listeners []net.Listener) error {
	secure := h.TLSConfig != nil // net/http sets one later, also for plain HTTP
	group, failed := errgroup.WithContext(ctx)
	for _, l := range listeners {
		group.Go(func() (err error) {
			if secure {
				err = h.ServeTLS(l, "", "")
			} else {
				err = h.Serve(l)
			}
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return err
		})
	}
	group.Go(func() error { return work(failed) })
	<-failed.Done()
	drain()
	last, cancel := context.WithTimeout(context.Background(), end)
	defer cancel()
	if h.Shutdown(last) != nil {
		h.Close()
	}
	return group.Wait()
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// drain ends the running requests.
func (s *Server) drain() {
	s.life.drain()
	if waited(s.life.idle, s.o.Drain) {
		return
	}
	s.life.stop(errStopping())
	waited(s.life.idle, s.times.end)
}

// waited waits until a channel is closed, for a time. It reports whether it was.
func waited(done <-chan struct{}, most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
